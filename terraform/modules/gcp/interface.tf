locals {
  cluster = {
    name           = google_container_cluster.this.name
    host           = "https://${google_container_cluster.this.endpoint}"
    ca_certificate = base64decode(google_container_cluster.this.master_auth[0].cluster_ca_certificate)
    command        = "gke-gcloud-auth-plugin"
    args           = []
  }

  redis_url = "redis+cluster://${google_redis_cluster.this.discovery_endpoints[0].address}:${google_redis_cluster.this.discovery_endpoints[0].port}"

  # Encrypted, not verified: the certificate is by an authority of this very instance.
  database_url = format(
    "postgres://%s:%s@%s:5432/%s?uselibpqcompat=true&sslmode=require",
    google_sql_user.this.name, random_password.database.result, google_sql_database_instance.this.private_ip_address, google_sql_database.this.name,
  )

  model_repository = "s3+https://storage.googleapis.com/${google_storage_bucket.models.name}/models?region=auto"
  model_credentials = {
    s3-access-key-id     = google_storage_hmac_key.models.access_id
    s3-secret-access-key = google_storage_hmac_key.models.secret
  }

  identity_annotations = { "iam.gke.io/gcp-service-account" = google_service_account.models.email }

  egress = {
    # The first for discovery, the others for the nodes that it tells of.
    redis = [{
      to    = [{ ipBlock = { cidr = google_compute_subnetwork.this.ip_cidr_range } }]
      ports = [{ port = 6379 }, { port = 11000, endPort = 13047 }]
    }]
    postgresql = [{ to = [{ ipBlock = { cidr = "${google_sql_database_instance.this.private_ip_address}/32" } }], ports = [{ port = 5432 }] }]
    # Addresses of Cloud Storage change.
    models = [{ to = [{ ipBlock = { cidr = "0.0.0.0/0" } }], ports = [{ port = 443 }] }]
  }
}
