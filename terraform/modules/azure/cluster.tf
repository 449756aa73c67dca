resource "azurerm_kubernetes_cluster" "this" {
  name                      = var.name
  location                  = azurerm_resource_group.this.location
  resource_group_name       = azurerm_resource_group.this.name
  dns_prefix                = var.name
  kubernetes_version        = var.kubernetes_version
  sku_tier                  = "Standard"
  private_cluster_enabled   = length(var.admin_cidrs) == 0
  local_account_disabled    = true
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  node_os_upgrade_channel   = "NodeImage"
  tags                      = var.tags

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
  }
  identity {
    type = "SystemAssigned"
  }
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    # Cilium enforces the chart's NetworkPolicies.
    network_data_plane = "cilium"
    network_policy     = "cilium"
  }
  default_node_pool {
    name                 = "general"
    vm_size              = coalesce(var.nodes.machine_type, "Standard_D4as_v5")
    vnet_subnet_id       = azurerm_subnet.nodes.id
    auto_scaling_enabled = true
    min_count            = var.nodes.min
    max_count            = var.nodes.max
    upgrade_settings {
      max_surge = "10%"
    }
  }
  dynamic "api_server_access_profile" {
    for_each = length(var.admin_cidrs) > 0 ? [var.admin_cidrs] : []
    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }
  lifecycle {
    # The cluster autoscaler's business after the start.
    ignore_changes = [default_node_pool[0].node_count]
  }
}

# The driver comes with the node image, the device plugin does not: docs/terraform.md.
resource "azurerm_kubernetes_cluster_node_pool" "gpu" {
  count                 = var.gpu_nodes.max == 0 ? 0 : 1
  name                  = "gpu"
  kubernetes_cluster_id = azurerm_kubernetes_cluster.this.id
  vm_size               = coalesce(var.gpu_nodes.machine_type, "Standard_NC4as_T4_v3")
  vnet_subnet_id        = azurerm_subnet.nodes.id
  auto_scaling_enabled  = true
  min_count             = var.gpu_nodes.min
  max_count             = var.gpu_nodes.max
  gpu_driver            = "Install"
  node_labels           = { "nvidia.com/gpu.present" = "true" }
  node_taints           = ["nvidia.com/gpu=present:NoSchedule"]
  tags                  = var.tags
}

data "azurerm_client_config" "current" {}

# Whoever applies may install the chart.
resource "azurerm_role_assignment" "admin" {
  scope                = azurerm_kubernetes_cluster.this.id
  role_definition_name = "Azure Kubernetes Service RBAC Cluster Admin"
  principal_id         = data.azurerm_client_config.current.object_id
}
