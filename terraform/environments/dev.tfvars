# Small, in one zone where that saves something; may be destroyed.
environment         = "dev"
nodes               = { min = 2, max = 4 }
gpu_nodes           = { min = 0, max = 0 }
redis               = { replicas = 0 }
database            = { high_availability = false }
deletion_protection = false
