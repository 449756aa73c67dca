# Models are OCI artifacts in a registry: the model store speaks S3 and OCI, and Blob Storage speaks neither.
# Premium, since only that has private endpoints.
resource "azurerm_container_registry" "this" {
  name                          = "${replace(var.name, "-", "")}${local.unique}"
  location                      = azurerm_resource_group.this.location
  resource_group_name           = azurerm_resource_group.this.name
  sku                           = "Premium"
  admin_enabled                 = false
  public_network_access_enabled = false
  tags                          = var.tags
}

# The services log in with a token of the registry that can only read models.
resource "azurerm_container_registry_scope_map" "models" {
  name                    = "read-models"
  resource_group_name     = azurerm_resource_group.this.name
  container_registry_name = azurerm_container_registry.this.name
  actions = [
    "repositories/models/content/read",
    "repositories/models/metadata/read",
  ]
}

resource "azurerm_container_registry_token" "models" {
  name                    = "models"
  resource_group_name     = azurerm_resource_group.this.name
  container_registry_name = azurerm_container_registry.this.name
  scope_map_id            = azurerm_container_registry_scope_map.models.id
}

resource "azurerm_container_registry_token_password" "models" {
  container_registry_token_id = azurerm_container_registry_token.models.id
  password1 {}
}

# Nodes pull images from the same registry.
resource "azurerm_role_assignment" "pull" {
  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_kubernetes_cluster.this.kubelet_identity[0].object_id
}

# The right to read for the Kubernetes service account, for what in a pod uses the cloud's own libraries.
resource "azurerm_user_assigned_identity" "this" {
  name                = "${var.name}-models"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = var.tags
}

resource "azurerm_federated_identity_credential" "this" {
  name                = "kubernetes"
  resource_group_name = azurerm_resource_group.this.name
  parent_id           = azurerm_user_assigned_identity.this.id
  issuer              = azurerm_kubernetes_cluster.this.oidc_issuer_url
  audience            = ["api://AzureADTokenExchange"]
  subject             = "system:serviceaccount:${var.service_account.namespace}:${var.service_account.name}"
}

resource "azurerm_role_assignment" "models" {
  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
}
