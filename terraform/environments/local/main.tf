# The chart with its development values in any cluster that a kubeconfig reaches.

terraform {
  required_version = ">= 1.9.0"
  required_providers {
    helm       = { source = "hashicorp/helm", version = "~> 3.1" }
    kubernetes = { source = "hashicorp/kubernetes", version = ">= 2.38.0, < 4.0.0" }
  }
}

variable "kubeconfig" {
  description = "File with the access to the cluster."
  type        = string
  default     = "~/.kube/config"
}

variable "context" {
  description = "Context in it; null: the current one."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Namespace that is made for the release."
  type        = string
  default     = "frontier"
}

variable "values" {
  description = "Files with further values for the chart."
  type        = list(string)
  default     = []
}

provider "kubernetes" {
  config_path    = var.kubeconfig
  config_context = var.context
}

provider "helm" {
  kubernetes = {
    config_path    = var.kubeconfig
    config_context = var.context
  }
}

module "platform" {
  source      = "../../modules/platform"
  environment = "dev"
  namespace   = var.namespace
  chart       = "${path.module}/../../../helm/frontier"
  overlay     = file("${path.module}/../../../helm/frontier/values-dev.yaml")
  values      = [for path in var.values : file(path)]
}

output "namespace" {
  description = "Where it is."
  value       = module.platform.namespace
}
