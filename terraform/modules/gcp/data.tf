# Memorystore for Redis Cluster, not Memorystore for Redis: only it has an append-only file.
# No password and no TLS: it takes passwords by IAM only (they change every hour), and its certificates are by an
# authority of its own. The network keeps others out: the endpoint is in our subnet, and Google encrypts between hosts.
resource "google_redis_cluster" "this" {
  name                        = var.name
  region                      = var.region
  shard_count                 = 1
  replica_count               = var.redis.replicas
  node_type                   = coalesce(var.redis.node_type, "REDIS_HIGHMEM_MEDIUM")
  authorization_mode          = "AUTH_MODE_DISABLED"
  transit_encryption_mode     = "TRANSIT_ENCRYPTION_MODE_DISABLED"
  deletion_protection_enabled = var.deletion_protection
  redis_configs               = { maxmemory-policy = "noeviction" }

  persistence_config {
    mode = "AOF"
    aof_config {
      append_fsync = "ALWAYS"
    }
  }
  psc_configs {
    network = google_compute_network.this.id
  }
  depends_on = [google_network_connectivity_service_connection_policy.redis]
}

resource "random_password" "database" {
  length  = 40
  special = false
}

resource "google_sql_database_instance" "this" {
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_15"
  deletion_protection = var.deletion_protection

  settings {
    tier                        = coalesce(var.database.instance_type, "db-custom-2-8192")
    edition                     = "ENTERPRISE"
    availability_type           = var.database.high_availability ? "REGIONAL" : "ZONAL"
    disk_size                   = var.database.storage_gib
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = var.tags

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      backup_retention_settings {
        retained_backups = var.database.backup_days
      }
    }
    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }
  }
  depends_on = [google_service_networking_connection.database]
}

resource "google_sql_database" "this" {
  name     = "frontier"
  instance = google_sql_database_instance.this.name
}

resource "google_sql_user" "this" {
  name     = "frontier"
  instance = google_sql_database_instance.this.name
  password = random_password.database.result
}
