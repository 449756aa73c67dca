# Survives the loss of a zone; nothing with data in it can be destroyed by accident.
environment         = "prod"
nodes               = { min = 3, max = 12 }
gpu_nodes           = { min = 1, max = 4 }
redis               = { replicas = 2 }
database            = { high_availability = true, storage_gib = 64, backup_days = 30 }
deletion_protection = true
