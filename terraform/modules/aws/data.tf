resource "random_password" "this" {
  for_each = toset(["redis", "database"])
  length   = 40
  special  = false
}

# MemoryDB, not ElastiCache: ElastiCache offers no append-only file, so a fail-over there loses acknowledged requests.
# MemoryDB answers a write when its log has it in several zones.
resource "aws_memorydb_parameter_group" "this" {
  name   = var.name
  family = "memorydb_redis7"
  tags   = var.tags
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_memorydb_subnet_group" "this" {
  name       = var.name
  subnet_ids = aws_subnet.private[*].id
  tags       = var.tags
}

resource "aws_memorydb_user" "this" {
  user_name     = var.name
  access_string = "on ~* &* +@all"
  tags          = var.tags
  authentication_mode {
    type      = "password"
    passwords = [random_password.this["redis"].result]
  }
}

resource "aws_memorydb_acl" "this" {
  name       = var.name
  user_names = [aws_memorydb_user.this.user_name]
  tags       = var.tags
}

resource "aws_memorydb_cluster" "this" {
  name                     = var.name
  engine                   = "redis"
  engine_version           = "7.1"
  node_type                = coalesce(var.redis.node_type, "db.r7g.large")
  num_shards               = 1
  num_replicas_per_shard   = var.redis.replicas
  acl_name                 = aws_memorydb_acl.this.name
  parameter_group_name     = aws_memorydb_parameter_group.this.name
  subnet_group_name        = aws_memorydb_subnet_group.this.name
  security_group_ids       = [aws_security_group.data.id]
  kms_key_arn              = aws_kms_key.this.arn
  tls_enabled              = true
  snapshot_retention_limit = var.database.backup_days
  final_snapshot_name      = var.deletion_protection ? "${var.name}-final" : null
  tags                     = var.tags
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = aws_subnet.private[*].id
  tags       = var.tags
}

resource "aws_db_instance" "this" {
  identifier                = var.name
  engine                    = "postgres"
  engine_version            = "15"
  instance_class            = coalesce(var.database.instance_type, "db.t4g.medium")
  db_name                   = "frontier"
  username                  = "frontier"
  password                  = random_password.this["database"].result
  allocated_storage         = var.database.storage_gib
  max_allocated_storage     = var.database.storage_gib * 4
  storage_type              = "gp3"
  storage_encrypted         = true
  kms_key_id                = aws_kms_key.this.arn
  multi_az                  = var.database.high_availability
  backup_retention_period   = var.database.backup_days
  db_subnet_group_name      = aws_db_subnet_group.this.name
  vpc_security_group_ids    = [aws_security_group.data.id]
  publicly_accessible       = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.deletion_protection
  final_snapshot_identifier = var.deletion_protection ? "${var.name}-final" : null
  copy_tags_to_snapshot     = true
  tags                      = var.tags
}
