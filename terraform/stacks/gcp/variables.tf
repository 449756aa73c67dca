# The same file in aws, gcp and azure: scripts/terraform.mjs holds them equal. modules/*/variables.tf explains them.

variable "environment" {
  description = "dev, staging or prod: names everything, and chooses the overlay of the chart."
  type        = string
  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment: dev, staging or prod; take ../../environments/<environment>.tfvars."
  }
}

variable "region" {
  description = "Region, as the cloud spells it."
  type        = string
}

variable "image" {
  description = "Registry and tag of the images; null: the chart's."
  type        = object({ registry = optional(string), tag = optional(string) })
  default     = {}
}

variable "values" {
  description = "Files with further values for the chart."
  type        = list(string)
  default     = []
}

variable "kubernetes_version" {
  description = "Version of the cluster; null: what the cloud recommends."
  type        = string
  default     = null
}

variable "network_cidr" {
  description = "Addresses of the network, a /16."
  type        = string
  default     = "10.40.0.0/16"
}

variable "admin_cidrs" {
  description = "Public addresses that may reach the Kubernetes API; none: only from inside the network."
  type        = list(string)
  default     = []
}

variable "nodes" {
  description = "Nodes without GPU."
  type        = object({ machine_type = optional(string), min = number, max = number })
}

variable "gpu_nodes" {
  description = "Nodes with GPU; max = 0: none."
  type        = object({ machine_type = optional(string), min = number, max = number })
}

variable "redis" {
  description = "Redis: size, copies besides the primary."
  type        = object({ node_type = optional(string), replicas = number })
}

variable "database" {
  description = "PostgreSQL."
  type = object({
    instance_type     = optional(string)
    storage_gib       = optional(number, 32)
    high_availability = bool
    backup_days       = optional(number, 7)
  })
}

variable "deletion_protection" {
  description = "Whether data and cluster are guarded against `tofu destroy`."
  type        = bool
}
