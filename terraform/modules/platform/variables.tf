variable "environment" {
  description = "dev, staging or prod: part of the admin keys and of paths in Git."
  type        = string
  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment: dev, staging or prod."
  }
}

variable "namespace" {
  description = "Namespace that is made for the release."
  type        = string
  default     = "frontier"
}

variable "chart" {
  description = "Folder of the chart, or its address in an OCI registry."
  type        = string
}

variable "image" {
  description = "Where the images are and which: null takes the chart's."
  type        = object({ registry = optional(string), tag = optional(string) })
  default     = {}
}

variable "overlay" {
  description = "The chart's values for the environment, as YAML; what this module knows better wins over them."
  type        = string
}

variable "values" {
  description = "Further values as YAML, which win over everything, the last first."
  type        = list(string)
  default     = []
}

variable "timeout_seconds" {
  description = "How long the release may take until all pods are ready; then it is taken back."
  type        = number
  default     = 900
}

variable "services" {
  description = "What a cloud module outputs; null: the chart runs Redis and PostgreSQL itself and takes models from its image."
  type = object({
    redis_url            = string
    database_url         = string
    model_repository     = string
    model_credentials    = map(string)
    identity_annotations = map(string)
    egress               = any
  })
  default   = null
  sensitive = true
}

variable "gpu" {
  description = "Whether there are nodes with GPUs, so that GPU workers are started."
  type        = bool
  default     = false
}
