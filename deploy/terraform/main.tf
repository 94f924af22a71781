# The service as service.yaml makes it. See docs/ecs.md for why it is so. Not applied to an account.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account  = data.aws_caller_identity.current.account_id
  region   = data.aws_region.current.id
  arn      = "arn:${data.aws_partition.current.partition}"
  balanced = var.listener_arn != ""
  iam      = var.database_iam_resource_id != ""
  scales   = var.maximum_count > 0
  spot     = var.spot_percent > 0
  tags     = merge({ service = var.service_name }, var.environment == "" ? {} : { environment = var.environment })

  # SIGKILL comes after our own end.
  shutdown_seconds = { "30" = "25", "60" = "50", "120" = "110" }[tostring(var.stop_timeout_seconds)]

  # A variable without a value is left out.
  given = {
    ORCHESTRATOR_SERVICE                    = var.service_name
    ORCHESTRATOR_VERSION                    = var.image_version
    ORCHESTRATOR_ENVIRONMENT                = var.environment
    ORCHESTRATOR_MIGRATE                    = tostring(var.migrate)
    PORT                                    = "8000"
    ORCHESTRATOR_SHUTDOWN_SECONDS           = local.shutdown_seconds
    ORCHESTRATOR_DRAIN_SECONDS              = tostring(var.drain_seconds)
    ORCHESTRATOR_LOCK_TIMEOUT_SECONDS       = tostring(var.lock_timeout_seconds)
    ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS = var.lock_total_timeout_seconds == 0 ? "" : tostring(var.lock_total_timeout_seconds)
    FORWARDED_ALLOW_IPS                     = local.balanced ? var.forwarded_allow_ips : ""
    DATABASE_DRIVER                         = var.database_driver
    DATABASE_HOST                           = var.database_host
    DATABASE_PORT                           = var.database_port == 0 ? "" : tostring(var.database_port)
    DATABASE_NAME                           = var.database_name
    DATABASE_SSL_CA                         = var.database_ssl_ca
    DATABASE_IAM_AUTH                       = local.iam ? "true" : ""
    DATABASE_USER                           = var.database_iam_user
    MIGRATION_DATABASE_USER                 = var.migration_database_iam_user
    MIGRATION_DATABASE_HOST                 = var.migration_database_host
    MIGRATION_DATABASE_PORT                 = var.migration_database_port == 0 ? "" : tostring(var.migration_database_port)
  }
  environment = merge({ for name, value in local.given : name => value if value != "" }, var.app_environment)

  logins = merge(
    var.database_secret_arn == "" ? {} : {
      DATABASE_USER     = "${var.database_secret_arn}:username::"
      DATABASE_PASSWORD = "${var.database_secret_arn}:password::"
    },
    var.migration_database_secret_arn == "" ? {} : {
      MIGRATION_DATABASE_USER     = "${var.migration_database_secret_arn}:username::"
      MIGRATION_DATABASE_PASSWORD = "${var.migration_database_secret_arn}:password::"
    },
  )
  secrets = merge(local.logins, var.app_secrets)
  # Of a secret the ARN without the key of its JSON, of a parameter the whole ARN.
  readable = distinct([for arn in values(local.secrets) : join(":", slice(split(":", arn), 0, min(7, length(split(":", arn)))))])

  statements = concat(
    [
      { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
      {
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [var.repository_arn]
      },
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${local.arn}:logs:${local.region}:${local.account}:log-group:${var.log_group_name}:*"]
      },
    ],
    length(local.readable) == 0 ? [] : [
      { Effect = "Allow", Action = ["secretsmanager:GetSecretValue", "ssm:GetParameters"], Resource = local.readable },
    ],
    var.environment_file_arn == "" ? [] : [
      { Effect = "Allow", Action = ["s3:GetObject"], Resource = [var.environment_file_arn] },
      { Effect = "Allow", Action = ["s3:GetBucketLocation"], Resource = [split("/", var.environment_file_arn)[0]] },
    ],
  )
  decrypt = length(var.secrets_kms_key_arns) == 0 ? [] : [{
    Effect   = "Allow"
    Action   = ["kms:Decrypt"]
    Resource = var.secrets_kms_key_arns
    Condition = {
      StringEquals = { "kms:ViaService" = ["secretsmanager.${local.region}.amazonaws.com", "ssm.${local.region}.amazonaws.com"] }
    }
  }]

  assumed_by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.arn}:ecs:${local.region}:${local.account}:*" }
      }
    }]
  })

  container = {
    name                   = "app"
    image                  = var.image
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    linuxParameters = {
      capabilities = { drop = ["ALL"] }
      tmpfs        = [{ containerPath = "/tmp", size = 64, mountOptions = ["rw", "noexec", "nosuid", "nodev"] }]
    }
    portMappings = [{ name = "http", containerPort = 8000, hostPort = 8000, protocol = "tcp", appProtocol = "http" }]
    stopTimeout  = var.stop_timeout_seconds
    healthCheck = {
      # The load balancer asks for readiness where there is one; without it this check has to.
      command     = local.balanced ? ["CMD", "orchestrator", "probe", "--live"] : ["CMD", "orchestrator", "probe"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 300
    }
    environment      = [for name, value in local.environment : { name = name, value = value }]
    secrets          = [for name, arn in local.secrets : { name = name, valueFrom = arn }]
    environmentFiles = var.environment_file_arn == "" ? [] : [{ type = "s3", value = var.environment_file_arn }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = var.log_group_name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = var.service_name
        "mode"                  = "non-blocking"
        "max-buffer-size"       = "25m"
      }
    }
  }
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${var.service_name}-"
  assume_role_policy = local.assumed_by_tasks
  tags               = local.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.statements, local.decrypt) })
}

resource "aws_iam_role" "task" {
  name_prefix        = "${var.service_name}-"
  assume_role_policy = local.assumed_by_tasks
  tags               = local.tags
}

resource "aws_iam_role_policy" "task" {
  count = local.iam ? 1 : 0
  name  = "database"
  role  = aws_iam_role.task.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = ["rds-db:connect"]
      Resource = [
        for user in compact([var.database_iam_user, var.migration_database_iam_user]) :
        "${local.arn}:rds-db:${local.region}:${local.account}:dbuser:${var.database_iam_resource_id}/${user}"
      ]
    }]
  })
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.service_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = split("-", var.task_size)[0]
  memory                   = split("-", var.task_size)[1]
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  skip_destroy             = true # a rollback needs the revisions before
  container_definitions    = jsonencode([local.container])
  tags                     = local.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }
}

resource "aws_ecs_service" "this" {
  name                               = var.service_name
  cluster                            = var.cluster
  task_definition                    = aws_ecs_task_definition.this.arn
  launch_type                        = local.spot ? null : "FARGATE"
  platform_version                   = var.platform_version
  desired_count                      = var.desired_count
  deployment_minimum_healthy_percent = var.minimum_healthy_percent
  deployment_maximum_percent         = var.maximum_percent
  health_check_grace_period_seconds  = var.health_check_grace_period_seconds
  enable_execute_command             = false
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  wait_for_steady_state              = true
  tags                               = local.tags

  depends_on = [aws_iam_role_policy.execution, aws_lb_listener_rule.this]

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "alarms" {
    for_each = var.deployment_alarm_name == "" ? [] : [var.deployment_alarm_name]
    content {
      alarm_names = [alarms.value]
      enable      = true
      rollback    = true
    }
  }

  dynamic "capacity_provider_strategy" {
    for_each = local.spot ? { FARGATE = 100 - var.spot_percent, FARGATE_SPOT = var.spot_percent } : {}
    content {
      capacity_provider = capacity_provider_strategy.key
      weight            = capacity_provider_strategy.value
      base              = capacity_provider_strategy.key == "FARGATE" ? var.on_demand_base : 0
    }
  }

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = var.assign_public_ip
  }

  dynamic "load_balancer" {
    for_each = aws_lb_target_group.this
    content {
      target_group_arn = load_balancer.value.arn
      container_name   = "app"
      container_port   = 8000
    }
  }

  dynamic "service_connect_configuration" {
    for_each = var.service_connect_namespace == "" ? [] : [var.service_connect_namespace]
    content {
      enabled   = true
      namespace = service_connect_configuration.value
      service {
        port_name = "http"
        client_alias {
          port     = 8000
          dns_name = var.service_name
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [desired_count] # scaling, and an operator who stops it, are not undone by the next deployment
  }
}

resource "aws_lb_target_group" "this" {
  count                = local.balanced ? 1 : 0
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 8000
  deregistration_delay = var.deregistration_delay_seconds
  tags                 = local.tags

  health_check {
    path                = "/readyz"
    interval            = 5
    timeout             = 4
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }
}

resource "aws_lb_listener_rule" "this" {
  count        = local.balanced ? 1 : 0
  listener_arn = var.listener_arn
  priority     = var.listener_rule_priority
  tags         = local.tags

  condition {
    path_pattern {
      values = [var.path_pattern]
    }
  }

  dynamic "condition" {
    for_each = var.host_header == "" ? [] : [var.host_header]
    content {
      host_header {
        values = [condition.value]
      }
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[0].arn
  }
}

resource "aws_appautoscaling_target" "this" {
  count              = local.scales ? 1 : 0
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster}/${aws_ecs_service.this.name}"
  min_capacity       = var.desired_count
  max_capacity       = var.maximum_count
}

resource "aws_appautoscaling_policy" "this" {
  count              = local.scales ? 1 : 0
  name               = "${var.service_name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.target_cpu_percent
    scale_in_cooldown  = 300
    scale_out_cooldown = 60
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
