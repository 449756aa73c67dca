output "namespace" {
  description = "Namespace of the release."
  value       = kubernetes_namespace_v1.this.metadata[0].name
}

output "admin_key" {
  description = "First admin key of the control service; null where the chart made a development one."
  value       = local.external ? local.secrets.control["admin-key"] : null
  sensitive   = true
}
