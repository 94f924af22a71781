"""The parameters of the template, and the values derived from them."""

from orchestrator.cloudwatch.intrinsics import Node, ref

# The values that PutRetentionPolicy accepts, in days.
RETENTION_DAYS = [
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
]

PARAMETERS: Node = {
    "LogGroupName": {
        "Description": "Log group of the service's containers (awslogs-group)",
        "Type": "String",
        "Default": "/ecs/app",
        "AllowedPattern": r"[.\-_/#A-Za-z0-9]{1,512}",
    },
    "CreateLogGroup": {
        "Description": "false if the log group exists already",
        "Type": "String",
        "AllowedValues": ["true", "false"],
        "Default": "true",
    },
    "RetentionDays": {
        "Description": "How long log lines are kept, in days; ignored if the log group exists already",
        "Type": "Number",
        "AllowedValues": RETENTION_DAYS,
        "Default": 30,
    },
    "MetricNamespace": {
        "Description": "First part of the metrics' namespace; a slash and the name of the stack follow",
        "Type": "String",
        "Default": "Orchestrator",
        "AllowedPattern": r"(?!AWS/)[0-9A-Za-z.\-_/#]{1,127}",
    },
    "FailedStartsThreshold": {
        "Description": "Failed starts within one minute that raise the alarm",
        "Type": "Number",
        "Default": 1,
        "MinValue": 1,
    },
    "SlowStartSeconds": {
        "Description": "Seconds after which a start raises an alarm, while it still runs",
        "Type": "Number",
        "Default": 300,
        "MinValue": 1,
    },
    "NotificationTopicArn": {
        "Description": "SNS topic in this Region that receives the alarms; empty for none",
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"(arn:[a-z0-9\-]+:sns:[a-z0-9\-]+:[0-9]{12}:[A-Za-z0-9_\-]{1,256}(\.fifo)?)?",
    },
    "NotificationEmail": {
        "Description": "Instead of a topic: an e-mail address, which must confirm the subscription",
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"([^@\s]+@[^@\s]+)?",
    },
    "ServiceName": {
        "Description": "ECS service whose stopped tasks and failed deployments are reported; empty for none",
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"[A-Za-z0-9_\-]{0,255}",
    },
    "ClusterName": {
        "Description": "Name (not ARN) of the cluster of that service",
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"[A-Za-z0-9_\-]{0,255}",
    },
    "LogKmsKeyArn": {
        "Description": "KMS key for the log group; its policy must allow CloudWatch Logs; empty for AWS' own key",
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"(arn:[a-z0-9\-]+:kms:[a-z0-9\-]+:[0-9]{12}:key/[A-Za-z0-9\-]+)?",
    },
    "Runbook": {
        "Description": "URL of docs/runbook.md, to which each alarm links with the name of its section",
        "Type": "String",
        "Default": "docs/runbook.md",
        "MaxLength": 200,
    },
}


def _given(parameter: str) -> Node:
    return {"Fn::Not": [{"Fn::Equals": [ref(parameter), ""]}]}


CONDITIONS: Node = {
    "CreatesLogGroup": {"Fn::Equals": [ref("CreateLogGroup"), "true"]},
    "EncryptsLogGroup": _given("LogKmsKeyArn"),
    "CreatesTopic": {"Fn::And": [_given("NotificationEmail"), {"Fn::Equals": [ref("NotificationTopicArn"), ""]}]},
    "Notifies": {"Fn::Or": [_given("NotificationEmail"), _given("NotificationTopicArn")]},
    "WatchesService": {"Fn::And": [{"Condition": "Notifies"}, _given("ServiceName"), _given("ClusterName")]},
}
