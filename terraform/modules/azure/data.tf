# Azure Managed Redis, not Azure Cache for Redis, which is being retired. One endpoint that hides the shards would mix
# keys of several slots; without clustering there are none. The append-only file is written to disk once a second.
resource "azurerm_managed_redis" "this" {
  name                      = var.name
  location                  = azurerm_resource_group.this.location
  resource_group_name       = azurerm_resource_group.this.name
  sku_name                  = coalesce(var.redis.node_type, "Balanced_B5")
  high_availability_enabled = var.redis.replicas > 0
  public_network_access     = "Disabled"
  tags                      = var.tags

  default_database {
    access_keys_authentication_enabled            = true
    client_protocol                               = "Encrypted"
    clustering_policy                             = "NoCluster"
    eviction_policy                               = "NoEviction"
    persistence_append_only_file_backup_frequency = "1s"
  }
}

resource "random_password" "database" {
  length  = 40
  special = false
}

resource "azurerm_postgresql_flexible_server" "this" {
  name                          = "${var.name}-${local.unique}"
  location                      = azurerm_resource_group.this.location
  resource_group_name           = azurerm_resource_group.this.name
  version                       = "15"
  sku_name                      = coalesce(var.database.instance_type, "GP_Standard_D2ds_v5")
  storage_mb                    = var.database.storage_gib * 1024
  auto_grow_enabled             = true
  backup_retention_days         = var.database.backup_days
  administrator_login           = "frontier"
  administrator_password        = random_password.database.result
  delegated_subnet_id           = azurerm_subnet.database.id
  private_dns_zone_id           = azurerm_private_dns_zone.this["database"].id
  public_network_access_enabled = false
  tags                          = var.tags

  dynamic "high_availability" {
    for_each = var.database.high_availability ? ["ZoneRedundant"] : []
    content {
      mode = high_availability.value
    }
  }
  lifecycle {
    # Azure chooses them, and a fail-over swaps them.
    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }
  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}

resource "azurerm_postgresql_flexible_server_database" "this" {
  name      = "frontier"
  server_id = azurerm_postgresql_flexible_server.this.id
}
