output "service_arn" {
  value = aws_ecs_service.this.id
}

output "task_definition_arn" {
  value = aws_ecs_task_definition.this.arn
}

output "task_role_arn" {
  description = "Attach here what the app itself may do."
  value       = aws_iam_role.task.arn
}

output "target_group_arn" {
  value = one(aws_lb_target_group.this[*].arn)
}
