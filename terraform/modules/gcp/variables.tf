# The same file in aws, gcp and azure: scripts/terraform.mjs holds them equal.

variable "name" {
  description = "Part of every name: letters, digits, dashes. One per installation, frontier-prod."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,18}[a-z0-9]$", var.name))
    error_message = "name: 4 to 20 lower-case letters, digits and dashes, starting with a letter, such as frontier-prod."
  }
}

variable "region" {
  description = "Region, as the cloud spells it."
  type        = string
}

variable "tags" {
  description = "Tags (labels) of everything that can have them."
  type        = map(string)
  default     = {}
}

variable "kubernetes_version" {
  description = "Version of the cluster, 1.34; null: what the cloud recommends."
  type        = string
  default     = null
}

variable "network_cidr" {
  description = "Addresses of the network that is made, a /16."
  type        = string
  default     = "10.40.0.0/16"
  validation {
    condition     = can(cidrhost(var.network_cidr, 0)) && endswith(var.network_cidr, "/16")
    error_message = "network_cidr: a /16, such as 10.40.0.0/16."
  }
}

variable "admin_cidrs" {
  description = "Public addresses that may reach the Kubernetes API; none: only from inside the network."
  type        = list(string)
  default     = []
  validation {
    condition     = !contains(var.admin_cidrs, "0.0.0.0/0")
    error_message = "admin_cidrs: 0.0.0.0/0 opens the Kubernetes API to everybody; name the addresses of your offices or runners."
  }
}

variable "nodes" {
  description = "Nodes without GPU; null as machine_type: the module's choice, 4 CPUs and 16 GiB."
  type = object({
    machine_type = optional(string)
    min          = number
    max          = number
  })
}

variable "gpu_nodes" {
  description = "Nodes with one GPU, labelled and tainted nvidia.com/gpu; max = 0: no pool."
  type = object({
    machine_type = optional(string)
    min          = number
    max          = number
  })
  default = { min = 0, max = 0 }
}

variable "redis" {
  description = "Redis for queues and records: size as the cloud names it, copies besides the primary."
  type = object({
    node_type = optional(string)
    replicas  = number
  })
}

variable "database" {
  description = "PostgreSQL of the control service."
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

variable "service_account" {
  description = "Kubernetes service account that may read the models under its own identity."
  type        = object({ namespace = string, name = string })
  default     = { namespace = "frontier", name = "frontier" }
}
