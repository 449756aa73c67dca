# No cluster and no registry: the providers are stand-ins that only know their schemas.

mock_provider "helm" {}
mock_provider "kubernetes" {}
mock_provider "random" {
  mock_resource "random_id" {
    defaults = { hex = "00ff" }
  }
  mock_resource "random_password" {
    defaults = { result = "a-password" }
  }
}

variables {
  environment = "staging"
  chart       = "../../../helm/frontier"
  overlay     = "environment: staging"
}

run "everything_in_the_chart" {
  command = apply
  assert {
    condition     = length(kubernetes_secret_v1.this) == 0
    error_message = "without outside services the chart makes its own secrets"
  }
  assert {
    condition     = yamldecode(helm_release.this.values[3]) == {}
    error_message = "without outside services the chart's values are left alone"
  }
  assert {
    condition     = output.admin_key == null
    error_message = "there is no admin key of ours"
  }
}

run "services_of_a_cloud" {
  command = apply
  variables {
    services = {
      redis_url            = "rediss://:secret@redis:6379"
      database_url         = "postgres://u:secret@db/frontier"
      model_repository     = "s3+https://s3.example/models?region=x"
      model_credentials    = { s3-access-key-id = "id", s3-secret-access-key = "key" }
      identity_annotations = { role = "arn" }
      egress = {
        redis      = [{ to = [{ ipBlock = { cidr = "10.0.0.0/16" } }], ports = [{ port = 6379 }] }]
        postgresql = []
        models     = []
      }
    }
  }
  assert {
    condition     = kubernetes_secret_v1.this["redis"].data.url == "rediss://:secret@redis:6379"
    error_message = "Redis's URL is in its Secret"
  }
  assert {
    condition     = can(regex("^frn_staging_00ff_00ff[0-9a-f]{8}$", kubernetes_secret_v1.this["control"].data["admin-key"]))
    error_message = "the admin key has the form that the control service wants"
  }
  assert {
    condition     = yamldecode(helm_release.this.values[3]).redis == { enabled = false, existingSecret = "frontier-redis", replica = { enabled = false } }
    error_message = "the chart runs no Redis then"
  }
  assert {
    condition     = !strcontains(join("", helm_release.this.values), "secret@")
    error_message = "no password is in the values, where `helm get values` would show it"
  }
}

run "gpu_workers_and_images" {
  command = plan
  variables {
    gpu   = true
    image = { registry = "registry.example" }
  }
  assert {
    condition     = yamldecode(helm_release.this.values[1]) == { environment = "staging", image = { registry = "registry.example" } }
    error_message = "only what was named is set"
  }
  assert {
    condition     = yamldecode(helm_release.this.values[2]).workers.gpu.enabled
    error_message = "GPU nodes bring GPU workers"
  }
}

run "wrong_environment" {
  command = plan
  variables {
    environment = "production"
  }
  expect_failures = [var.environment]
}
