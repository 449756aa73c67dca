locals {
  cluster = {
    name           = aws_eks_cluster.this.name
    host           = aws_eks_cluster.this.endpoint
    ca_certificate = base64decode(aws_eks_cluster.this.certificate_authority[0].data)
    command        = "aws"
    args           = ["eks", "get-token", "--cluster-name", aws_eks_cluster.this.name, "--region", var.region]
  }

  redis = aws_memorydb_cluster.this.cluster_endpoint[0]
  redis_url = format(
    "rediss+cluster://%s:%s@%s:%d",
    aws_memorydb_user.this.user_name, random_password.this["redis"].result, local.redis.address, local.redis.port,
  )

  # Encrypted, not verified: the certificate is by an authority of RDS that the images do not carry.
  database_url = format(
    "postgres://%s:%s@%s/%s?uselibpqcompat=true&sslmode=require",
    aws_db_instance.this.username, random_password.this["database"].result, aws_db_instance.this.endpoint, aws_db_instance.this.db_name,
  )

  model_repository = "s3+https://s3.${var.region}.amazonaws.com/${aws_s3_bucket.models.bucket}/models?region=${var.region}"
  model_credentials = {
    s3-access-key-id     = aws_iam_access_key.models.id
    s3-secret-access-key = aws_iam_access_key.models.secret
  }

  identity_annotations = { "eks.amazonaws.com/role-arn" = aws_iam_role.service_account.arn }

  egress = {
    redis      = [{ to = [{ ipBlock = { cidr = var.network_cidr } }], ports = [{ port = 6379 }] }]
    postgresql = [{ to = [{ ipBlock = { cidr = var.network_cidr } }], ports = [{ port = 5432 }] }]
    # Addresses of S3 change.
    models = [{ to = [{ ipBlock = { cidr = "0.0.0.0/0" } }], ports = [{ port = 443 }] }]
  }
}
