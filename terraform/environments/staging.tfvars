# As prod, but smaller, and a GPU node only while something waits for it.
environment         = "staging"
nodes               = { min = 3, max = 6 }
gpu_nodes           = { min = 0, max = 1 }
redis               = { replicas = 1 }
database            = { high_availability = true }
deletion_protection = false
