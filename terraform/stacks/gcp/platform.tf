# The same file in aws, gcp and azure: scripts/terraform.mjs holds them equal.

locals {
  exec = {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = module.cloud.cluster.command
    args        = module.cloud.cluster.args
  }
  chart = "${path.module}/../../../helm/frontier"
}

provider "kubernetes" {
  host                   = module.cloud.cluster.host
  cluster_ca_certificate = module.cloud.cluster.ca_certificate
  exec {
    api_version = local.exec.api_version
    command     = local.exec.command
    args        = local.exec.args
  }
}

provider "helm" {
  kubernetes = {
    host                   = module.cloud.cluster.host
    cluster_ca_certificate = module.cloud.cluster.ca_certificate
    exec                   = local.exec
  }
}

module "platform" {
  source      = "../../modules/platform"
  environment = var.environment
  chart       = local.chart
  image       = var.image
  gpu         = var.gpu_nodes.max > 0
  overlay     = file("${local.chart}/values-${var.environment}.yaml")
  values      = [for path in var.values : file(path)]
  services = {
    redis_url            = module.cloud.redis_url
    database_url         = module.cloud.database_url
    model_repository     = module.cloud.model_repository
    model_credentials    = module.cloud.model_credentials
    identity_annotations = module.cloud.identity_annotations
    egress               = module.cloud.egress
  }
}

output "cluster" {
  description = "How to reach the cluster."
  value       = module.cloud.cluster
}

output "model_repository" {
  description = "Where models are published to."
  value       = module.cloud.model_repository
}

output "admin_key" {
  description = "First admin key of the control service."
  value       = module.platform.admin_key
  sensitive   = true
}
