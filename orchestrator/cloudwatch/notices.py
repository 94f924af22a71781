"""Notifications about problems without an event: killed tasks, tasks that never started, and failed deployments.

A killed process leaves no line in the log, and neither does a task whose image or secret cannot be read. ECS reports
both through EventBridge: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html and
ecs_service_deployment_events.html. EventBridge's event does not list the essential containers; the template's is called
`app`.
"""

from orchestrator.cloudwatch.intrinsics import TOPIC, Node, ref, sub
from orchestrator.errors import EXIT_OK, MigrationStopped

CONTAINER = "app"
_ECS = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}"
_HARMLESS = [EXIT_OK, MigrationStopped.exits_with]

TOPIC_RESOURCE: Node = {
    "Type": "AWS::SNS::Topic",
    "Condition": "CreatesTopic",
    "Properties": {"Subscription": [{"Protocol": "email", "Endpoint": ref("NotificationEmail")}]},
}
TOPIC_POLICY: Node = {
    "Type": "AWS::SNS::TopicPolicy",
    "Condition": "CreatesTopic",
    "Properties": {
        "Topics": [ref("Topic")],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]},
                    "Action": "sns:Publish",
                    "Resource": ref("Topic"),
                    "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
                }
            ],
        },
    },
}
TASK_STOPPED: Node = {
    "source": ["aws.ecs"],
    "detail-type": ["ECS Task State Change"],
    "detail": {
        "clusterArn": [sub(f"{_ECS}:cluster/${{ClusterName}}")],
        "group": [sub("service:${ServiceName}"), sub("family:${ServiceName}"), sub("family:${ServiceName}-migrate")],
        "lastStatus": ["STOPPED"],
        "$or": [
            {"containers": {"name": [CONTAINER], "exitCode": [{"anything-but": _HARMLESS}]}},
            {"containers": {"exitCode": [{"exists": False}]}},
            {"stopCode": ["TaskFailedToStart"]},
        ],
    },
}
"""A task of the service, or one that was run by hand or by a pipeline, ended badly or never started."""

DEPLOYMENT_FAILED: Node = {
    "source": ["aws.ecs"],
    "detail-type": ["ECS Deployment State Change"],
    "resources": [sub(f"{_ECS}:service/${{ClusterName}}/${{ServiceName}}")],
    "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
}


def _rule(told: str, pattern: Node, paths: dict[str, str], *lines: str) -> Node:
    transformer = {"InputPathsMap": paths, "InputTemplate": sub("\n".join(f'"{line}"' for line in lines))}
    return {
        "Type": "AWS::Events::Rule",
        "Condition": "WatchesService",
        "Properties": {
            "Description": told,
            "EventPattern": pattern,
            "Targets": [{"Id": "topic", "Arn": TOPIC, "InputTransformer": transformer}],
        },
    }


NOTICES: Node = {
    "Topic": TOPIC_RESOURCE,
    "TopicPolicy": TOPIC_POLICY,
    "TaskStoppedRule": _rule(
        "A task ended with an exit code that is not 0, was killed, or never started.",
        TASK_STOPPED,
        {
            "group": "$.detail.group",
            "task": "$.detail.taskArn",
            "definition": "$.detail.taskDefinitionArn",
            "names": "$.detail.containers[*].name",
            "codes": "$.detail.containers[*].exitCode",
            "reasons": "$.detail.containers[*].reason",
            "stop": "$.detail.stopCode",
            "reason": "$.detail.stoppedReason",
        },
        "A task of <group> stopped: <stop>, <reason>",
        "Exit codes <codes> of the containers <names>. Reasons: <reasons>",
        "Task <task>, definition <definition>",
        "Runbook: ${Runbook}#no-last-line",
    ),
    "DeploymentFailedRule": _rule(
        "A deployment of the service failed.",
        DEPLOYMENT_FAILED,
        {"service": "$.resources[0]", "deployment": "$.detail.deploymentId", "reason": "$.detail.reason"},
        "A deployment of <service> failed: <reason>",
        "Deployment <deployment>. The tasks of the deployment before it go on.",
        "Runbook: ${Runbook}#deployment-failed",
    ),
}
