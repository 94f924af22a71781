# The parameters of service.yaml, by the same names in snake_case.

variable "service_name" {
  type        = string
  description = "Name of the ECS service, and ORCHESTRATOR_SERVICE on every event."
  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$", var.service_name))
    error_message = "At most 32 letters, digits, hyphens and underscores."
  }
}

variable "environment" {
  type        = string
  description = "Such as production or staging. ORCHESTRATOR_ENVIRONMENT, a dimension of embedded metrics, and a tag."
  default     = ""
}

# The name `version` is reserved in a module call.
variable "image_version" {
  type        = string
  description = "ORCHESTRATOR_VERSION on every event, such as the commit. Version in service.yaml."
  default     = ""
}

variable "image" {
  type        = string
  description = "The image by digest, repository@sha256:..., so that a rollback starts the very bytes that ran before."
  validation {
    condition     = can(regex("^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image by digest, such as 111122223333.dkr.ecr.eu-west-1.amazonaws.com/plants@sha256:..."
  }
}

variable "repository_arn" {
  type        = string
  description = "ARN of the ECR repository that the image is in."
}

variable "cpu_architecture" {
  type    = string
  default = "X86_64"
  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "X86_64 or ARM64."
  }
}

variable "task_size" {
  type        = string
  description = "CPU units and MiB of a task, a pair that Fargate offers."
  default     = "512-1024"
  validation {
    condition     = can(regex("^[0-9]+-[0-9]+$", var.task_size))
    error_message = "Two numbers with a hyphen, such as 512-1024."
  }
}

variable "migrate" {
  type        = bool
  description = "false: the tasks never migrate, they wait until another task did."
  default     = true
}

variable "app_environment" {
  type        = map(string)
  description = "Variables for the app, and any other setting."
  default     = {}
}

variable "app_secrets" {
  type        = map(string)
  description = "Secrets for the app: whole ARNs of Secrets Manager (with :key:: behind it for one key of its JSON) or of parameters."
  default     = {}
}

variable "environment_file_arn" {
  type        = string
  description = "ARN of an object in S3 whose name ends in .env. Empty for none."
  default     = ""
}

variable "cluster" {
  type        = string
  description = "Name of the ECS cluster."
}

variable "vpc_id" {
  type = string
}

variable "subnets" {
  type = list(string)
}

variable "security_groups" {
  type        = list(string)
  description = "In, port 8000 from the load balancer. Out, the database and HTTPS (ECR, CloudWatch Logs, Secrets Manager)."
}

variable "assign_public_ip" {
  type        = bool
  description = "true in public subnets without a NAT gateway or VPC endpoints."
  default     = false
}

variable "platform_version" {
  type    = string
  default = "1.4.0"
}

variable "database_driver" {
  type    = string
  default = "mysql+asyncmy"
}

variable "database_host" {
  type        = string
  description = "The writer's endpoint. An RDS Proxy only together with migration_database_host: the migration lock would pin its session."
}

variable "database_port" {
  type        = number
  description = "0 for the database's own."
  default     = 0
}

variable "database_name" {
  type = string
}

variable "database_secret_arn" {
  type        = string
  description = "The app's user: a secret with the keys username and password. Empty with IAM authentication."
  default     = ""
}

variable "migration_database_host" {
  type        = string
  description = "The writer's endpoint for waiting and migrating, where database_host is a proxy."
  default     = ""
}

variable "migration_database_port" {
  type        = number
  description = "0 for the same port as the app's."
  default     = 0
}

variable "migration_database_secret_arn" {
  type        = string
  description = "The same for the user that migrates. Empty, the app's user migrates too."
  default     = ""
}

variable "secrets_kms_key_arns" {
  type        = list(string)
  description = "The customer managed keys of the secrets and parameters, if they have any."
  default     = []
}

variable "database_ssl_ca" {
  type        = string
  description = "Path in the image of the CA bundle. With it TLS is verified."
  default     = ""
}

variable "database_iam_resource_id" {
  type        = string
  description = "Resource id of the instance (db-...) or cluster (cluster-...) for IAM authentication. Empty, the secrets are used."
  default     = ""
}

variable "database_iam_user" {
  type    = string
  default = ""
}

variable "migration_database_iam_user" {
  type    = string
  default = ""
}

variable "desired_count" {
  type    = number
  default = 2
}

variable "maximum_count" {
  type        = number
  description = "With it the number of tasks follows their CPU, between desired_count and this. 0, it does not."
  default     = 0
}

variable "target_cpu_percent" {
  type    = number
  default = 60
}

variable "spot_percent" {
  type        = number
  description = "Share of the tasks on Fargate Spot. The cluster needs the capacity providers FARGATE and FARGATE_SPOT."
  default     = 0
  validation {
    condition     = var.spot_percent >= 0 && var.spot_percent <= 100
    error_message = "From 0 to 100."
  }
}

variable "on_demand_base" {
  type        = number
  description = "So many tasks are never on Spot, where spot_percent is above 0."
  default     = 1
}

variable "minimum_healthy_percent" {
  type    = number
  default = 100
}

variable "maximum_percent" {
  type    = number
  default = 200
}

# The provider has no threshold of the circuit breaker: ECS' own holds, three tasks at least. FailedTasksThreshold in service.yaml.

variable "health_check_grace_period_seconds" {
  type        = number
  description = "How long a new task may wait, migrate and import before its health counts. Longer than the longest migration."
  default     = 3600
}

variable "lock_timeout_seconds" {
  type        = number
  description = "How long a task waits for a migration in another task that makes no progress."
  default     = 900
}

variable "lock_total_timeout_seconds" {
  type        = number
  description = "Absolute limit of the same wait. 0 for none."
  default     = 0
}

variable "stop_timeout_seconds" {
  type        = number
  description = "From SIGTERM to SIGKILL: 30, 60 or 120."
  default     = 30
  validation {
    condition     = contains([30, 60, 120], var.stop_timeout_seconds)
    error_message = "30, 60 or 120."
  }
}

variable "drain_seconds" {
  type    = number
  default = 0
}

variable "log_group_name" {
  type        = string
  description = "Output log_group_name of the observability module."
}

variable "deployment_alarm_name" {
  type        = string
  description = "Output deployment_alarm_name of the observability module. Empty, only the circuit breaker decides."
  default     = ""
}

variable "listener_arn" {
  type        = string
  description = "Listener of an Application Load Balancer. Empty, there is none."
  default     = ""
}

variable "listener_rule_priority" {
  type    = number
  default = 100
}

variable "path_pattern" {
  type    = string
  default = "/*"
}

variable "host_header" {
  type    = string
  default = ""
}

variable "deregistration_delay_seconds" {
  type    = number
  default = 30
}

variable "forwarded_allow_ips" {
  type        = string
  description = "FORWARDED_ALLOW_IPS behind the load balancer. * is safe only while the security group lets nobody else in."
  default     = "*"
}

variable "service_connect_namespace" {
  type        = string
  description = "Cloud Map namespace in which other services find this one. Empty, Service Connect is not used."
  default     = ""
}
