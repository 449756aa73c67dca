locals {
  # Only whether there are any is told, not what they are.
  external = nonsensitive(var.services != null)

  admin_key = local.external ? "frn_${var.environment}_${random_id.key["name"].hex}_${random_id.key["secret"].hex}" : ""

  # A key ends in a checksum of what is before it.
  secrets = local.external ? {
    redis      = tomap({ url = var.services.redis_url })
    postgresql = tomap({ url = var.services.database_url })
    models     = tomap(var.services.model_credentials)
    control    = tomap({ pepper = random_password.pepper[0].result, admin-key = "${local.admin_key}${substr(sha256(local.admin_key), 0, 8)}" })
  } : {}

  external_values = !local.external ? "{}" : yamlencode({
    developmentSecrets = false
    serviceAccount     = { annotations = nonsensitive(var.services.identity_annotations) }
    redis              = { enabled = false, existingSecret = "frontier-redis", replica = { enabled = false } }
    postgresql         = { enabled = false, existingSecret = "frontier-postgresql" }
    control            = { existingSecret = "frontier-control" }
    # Not a server that lets others replicate: the cloud makes its own.
    backup = { redis = false }
    models = {
      source     = "repository"
      repository = { urls = [nonsensitive(var.services.model_repository)], existingSecret = "frontier-models" }
    }
    networkPolicy = { egress = nonsensitive(var.services.egress) }
  })

  own_values = yamlencode({ environment = var.environment, image = { for key, value in var.image : key => value if value != null } })
  gpu_values = yamlencode({ workers = { gpu = { enabled = var.gpu } } })
}

resource "random_id" "key" {
  for_each    = local.external ? { name = 8, secret = 32 } : {}
  byte_length = each.value
}

resource "random_password" "pepper" {
  count   = local.external ? 1 : 0
  length  = 48
  special = false
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name = var.namespace
    labels = {
      "pod-security.kubernetes.io/enforce" = "restricted"
    }
  }
}

resource "kubernetes_secret_v1" "this" {
  for_each = local.external ? toset(["redis", "postgresql", "models", "control"]) : toset([])
  metadata {
    name      = "frontier-${each.key}"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }
  data = local.secrets[each.key]
}

resource "helm_release" "this" {
  name       = "frontier"
  namespace  = kubernetes_namespace_v1.this.metadata[0].name
  chart      = var.chart
  wait       = true
  atomic     = true
  timeout    = var.timeout_seconds
  values     = concat([var.overlay, local.own_values, local.gpu_values, local.external_values], var.values)
  depends_on = [kubernetes_secret_v1.this]
}
