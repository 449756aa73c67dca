terraform {
  required_version = ">= 1.9.0"
  required_providers {
    helm       = { source = "hashicorp/helm", version = "~> 3.1" }
    kubernetes = { source = "hashicorp/kubernetes", version = ">= 2.38.0, < 4.0.0" }
    random     = { source = "hashicorp/random", version = "~> 3.7" }
  }
}
