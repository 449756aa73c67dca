# Everything in Google Cloud, then the chart in it. Values by environment: ../../environments/*.tfvars (docs/terraform.md).

terraform {
  required_version = ">= 1.9.0"
  backend "gcs" {}
  required_providers {
    google     = { source = "hashicorp/google", version = "~> 6.50" }
    helm       = { source = "hashicorp/helm", version = "~> 3.1" }
    kubernetes = { source = "hashicorp/kubernetes", version = ">= 2.38.0, < 4.0.0" }
  }
}

# The project comes from GOOGLE_PROJECT.
provider "google" {
  region = var.region
}

module "cloud" {
  source              = "../../modules/gcp"
  name                = "frontier-${var.environment}"
  region              = var.region
  tags                = { application = "frontier", environment = var.environment }
  kubernetes_version  = var.kubernetes_version
  network_cidr        = var.network_cidr
  admin_cidrs         = var.admin_cidrs
  nodes               = var.nodes
  gpu_nodes           = var.gpu_nodes
  redis               = var.redis
  database            = var.database
  deletion_protection = var.deletion_protection
}
