# Everything in Azure, then the chart in it. Values by environment: ../../environments/*.tfvars (docs/terraform.md).

terraform {
  required_version = ">= 1.9.0"
  backend "azurerm" {}
  required_providers {
    azurerm    = { source = "hashicorp/azurerm", version = "~> 4.55" }
    helm       = { source = "hashicorp/helm", version = "~> 3.1" }
    kubernetes = { source = "hashicorp/kubernetes", version = ">= 2.38.0, < 4.0.0" }
  }
}

# The subscription comes from ARM_SUBSCRIPTION_ID.
provider "azurerm" {
  features {}
}

module "cloud" {
  source              = "../../modules/azure"
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
