locals {
  cluster = {
    name           = azurerm_kubernetes_cluster.this.name
    host           = azurerm_kubernetes_cluster.this.kube_config[0].host
    ca_certificate = base64decode(azurerm_kubernetes_cluster.this.kube_config[0].cluster_ca_certificate)
    command        = "kubelogin"
    # The well-known application of AKS itself.
    args = ["get-token", "--login", "azurecli", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"]
  }

  redis = azurerm_managed_redis.this.default_database[0]
  # The certificate is by a public authority: verified.
  redis_url = "rediss://:${urlencode(local.redis.primary_access_key)}@${azurerm_managed_redis.this.hostname}:${local.redis.port}"

  # The certificate is by a public authority: verified.
  database_url = format(
    "postgres://frontier:%s@%s:5432/%s?sslmode=verify-full",
    random_password.database.result, azurerm_postgresql_flexible_server.this.fqdn, azurerm_postgresql_flexible_server_database.this.name,
  )

  model_repository = "oci+https://${azurerm_container_registry.this.login_server}/models"
  model_credentials = {
    oci-username = azurerm_container_registry_token.models.name
    oci-password = azurerm_container_registry_token_password.models.password1[0].value
  }

  identity_annotations = { "azure.workload.identity/client-id" = azurerm_user_assigned_identity.this.client_id }

  egress = {
    redis      = [{ to = [{ ipBlock = { cidr = azurerm_subnet.endpoints.address_prefixes[0] } }], ports = [{ port = local.redis.port }] }]
    postgresql = [{ to = [{ ipBlock = { cidr = azurerm_subnet.database.address_prefixes[0] } }], ports = [{ port = 5432 }] }]
    models     = [{ to = [{ ipBlock = { cidr = azurerm_subnet.endpoints.address_prefixes[0] } }], ports = [{ port = 443 }] }]
  }
}
