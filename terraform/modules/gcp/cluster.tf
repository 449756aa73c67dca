data "google_project" "this" {}

resource "google_service_account" "nodes" {
  account_id   = "${var.name}-nodes"
  display_name = "Nodes of ${var.name}"
}

resource "google_project_iam_member" "nodes" {
  for_each = toset(["roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"])
  project  = data.google_project.this.project_id
  role     = each.key
  member   = google_service_account.nodes.member
}

resource "google_container_cluster" "this" {
  name                     = var.name
  location                 = var.region
  network                  = google_compute_network.this.id
  subnetwork               = google_compute_subnetwork.this.id
  min_master_version       = var.kubernetes_version
  remove_default_node_pool = true
  initial_node_count       = 1
  deletion_protection      = var.deletion_protection
  # Dataplane V2: it enforces the chart's NetworkPolicies.
  datapath_provider = "ADVANCED_DATAPATH"
  resource_labels   = var.tags

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }
  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = length(var.admin_cidrs) == 0
  }
  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.admin_cidrs
      content {
        cidr_block = cidr_blocks.value
      }
    }
  }
  release_channel {
    channel = "REGULAR"
  }
  workload_identity_config {
    workload_pool = "${data.google_project.this.project_id}.svc.id.goog"
  }
}

locals {
  # In one zone each: min and max are those of the pool, not of a zone.
  pools = merge(
    { general = merge(var.nodes, { type = coalesce(var.nodes.machine_type, "e2-standard-4"), gpu = false }) },
    var.gpu_nodes.max == 0 ? {} : {
      gpu = merge(var.gpu_nodes, { type = coalesce(var.gpu_nodes.machine_type, "g2-standard-4"), gpu = true })
    },
  )
}

resource "google_container_node_pool" "this" {
  for_each = local.pools
  name     = each.key
  cluster  = google_container_cluster.this.id

  autoscaling {
    total_min_node_count = each.value.min
    total_max_node_count = each.value.max
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  node_config {
    machine_type    = each.value.type
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    # GKE itself adds the taint nvidia.com/gpu=present.
    labels          = each.value.gpu ? { "nvidia.com/gpu.present" = "true" } : {}
    resource_labels = var.tags

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
    dynamic "guest_accelerator" {
      for_each = each.value.gpu ? ["nvidia-l4"] : []
      content {
        type  = guest_accelerator.value
        count = 1
        gpu_driver_installation_config {
          gpu_driver_version = "DEFAULT"
        }
      }
    }
  }
  depends_on = [google_project_iam_member.nodes]
}
