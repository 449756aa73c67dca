resource "google_storage_bucket" "models" {
  name                        = "${var.name}-models-${data.google_project.this.number}"
  location                    = var.region
  force_destroy               = !var.deletion_protection
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = var.tags
  versioning {
    enabled = true
  }
}

resource "google_service_account" "models" {
  account_id   = "${var.name}-models"
  display_name = "Reads the models of ${var.name}"
}

resource "google_storage_bucket_iam_member" "models" {
  bucket = google_storage_bucket.models.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.models.member
}

# The services speak S3, with a fixed key; Cloud Storage understands that when the key is an HMAC key. It can only read.
resource "google_storage_hmac_key" "models" {
  service_account_email = google_service_account.models.email
}

# The same right for the Kubernetes service account, for what in a pod uses the cloud's own libraries.
resource "google_service_account_iam_member" "service_account" {
  service_account_id = google_service_account.models.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${google_container_cluster.this.workload_identity_config[0].workload_pool}[${var.service_account.namespace}/${var.service_account.name}]"
}
