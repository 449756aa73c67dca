# The same file in aws, gcp and azure: scripts/terraform.mjs holds them equal. interface.tf has the values.

output "cluster" {
  description = "How to reach the cluster: host, ca_certificate (PEM) and the command (with args) that prints a token."
  value       = local.cluster
}

output "redis_url" {
  description = "REDIS_URL, with its password."
  value       = local.redis_url
  sensitive   = true
}

output "database_url" {
  description = "DATABASE_URL, with its password."
  value       = local.database_url
  sensitive   = true
}

output "model_repository" {
  description = "MODEL_REPOSITORY of this installation."
  value       = local.model_repository
}

output "model_credentials" {
  description = "Keys of the Secret that opens the model repository, as the chart's models.repository.existingSecret has them."
  value       = local.model_credentials
  sensitive   = true
}

output "identity_annotations" {
  description = "Annotations that give the service account its identity in the cloud."
  value       = local.identity_annotations
}

output "egress" {
  description = "NetworkPolicy egress rules to Redis, PostgreSQL and models, for the chart's networkPolicy.egress."
  value       = local.egress
}
