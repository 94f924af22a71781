"""ECS reports deaths that write no event: the rules match their documented events, and those of no healthy task.

The documents: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html and
ecs_service_deployment_events.html; the reasons: stopped-task-error-codes.html.
"""

import copy
import re
from typing import Any

import pytest

from orchestrator.cloudwatch.template import template
from tests.cloudwatch.event_patterns import matches, transformed
from tests.unit.cloudformation import Stack

ROLES = "arn:aws:ecs:eu-west-1:111122223333"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:on-call"


STACK = Stack(
    template(),
    {
        "AWS::StackName": "shop-starts",
        "ServiceName": "shop",
        "ClusterName": "main",
        "NotificationTopicArn": TOPIC,
        "Runbook": "https://example.com/runbook.md",
    },
)


RULES = {name: STACK.resources[name] for name in ("TaskStoppedRule", "DeploymentFailedRule")}


def task(
    *, container: dict[str, Any] | None = None, others: tuple[dict[str, Any], ...] = (), **detail: Any
) -> dict[str, Any]:
    """An event "ECS Task State Change" of a task on Fargate that stopped."""
    app = {
        "containerArn": f"{ROLES}:container/cf159fd6-3e3f-4a9e-84f9-66cbe726af01",
        "lastStatus": "STOPPED",
        "name": "app",
        "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:74b2c688",
        "runtimeId": "ad64cbc71c7fb31c55507ec24c9f77947132b03d48d9961115cf24f3b7307e1e",
        "taskArn": f"{ROLES}:task/main/c13b4cb40f1f4fe4a2971f76ae5a47ad",
        "networkInterfaces": [{"attachmentId": "1789bcae", "privateIpv4Address": "10.0.0.139"}],
        "cpu": "0",
        **(container or {}),
    }
    return {
        "version": "0",
        "id": "3317b2af-7005-947d-b652-f55e762e571a",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": "111122223333",
        "time": "2026-01-23T17:57:58Z",
        "region": "eu-west-1",
        "resources": [app["taskArn"]],
        "detail": {
            "attachments": [{"id": "1789bcae", "type": "eni", "status": "DELETED", "details": []}],
            "availabilityZone": "eu-west-1c",
            "clusterArn": f"{ROLES}:cluster/main",
            "containers": [app, *others],
            "desiredStatus": "STOPPED",
            "group": "service:shop",
            "launchType": "FARGATE",
            "lastStatus": "STOPPED",
            "overrides": {"containerOverrides": [{"name": "app"}]},
            "startedBy": "ecs-svc/1234567890",
            "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited",
            "taskArn": app["taskArn"],
            "taskDefinitionArn": f"{ROLES}:task-definition/shop:7",
            "version": 6,
            "platformVersion": "1.4.0",
            **detail,
        },
    }


def deployment(name: str, service: str = "main/shop") -> dict[str, Any]:
    """An event "ECS Deployment State Change"."""
    return {
        "version": "0",
        "id": "ddca6449-b258-46c0-8653-e0e3aEXAMPLE",
        "detail-type": "ECS Deployment State Change",
        "source": "aws.ecs",
        "account": "111122223333",
        "time": "2026-05-23T12:31:14Z",
        "region": "eu-west-1",
        "resources": [f"{ROLES}:service/{service}"],
        "detail": {
            "eventType": "ERROR" if name == "SERVICE_DEPLOYMENT_FAILED" else "INFO",
            "eventName": name,
            "deploymentId": "ecs-svc/123",
            "updatedAt": "2026-05-23T11:11:11Z",
            "reason": "ECS deployment circuit breaker: task failed to start.",
        },
    }


NEVER_STARTED: dict[str, Any] = {"stopCode": "TaskFailedToStart", "startedBy": "ecs-svc/1234567890"}
OUT_OF_MEMORY = {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
PROXY = {"name": "ecs-service-connect-abc", "lastStatus": "STOPPED", "exitCode": 143}


DEATHS = {
    "out of memory": task(container=OUT_OF_MEMORY),
    "killed": task(container={"exitCode": 137}),
    "crashed in compiled code": task(container={"exitCode": 139}),
    "a start that failed": task(container={"exitCode": 7}),
    "the host went": task(stopCode="UserInitiated", stoppedReason="Host EC2 terminated"),
    "no image": task(
        **NEVER_STARTED, stoppedReason="CannotPullContainerError: pull image manifest has been retried 7 time(s)"
    ),
    "no secret": task(
        **NEVER_STARTED, stoppedReason="ResourceInitializationError: unable to pull secrets or registry auth"
    ),
    "no secret, beside a proxy that ran": task(**NEVER_STARTED, others=(PROXY,)),
    "a task of the pipeline": task(container={"exitCode": 137}, group="family:shop-migrate"),
    "a task that was run by hand": task(container={"exitCode": 1}, group="family:shop"),
}


HEALTHY = {
    "scaled in": task(container={"exitCode": 0}, stopCode="ServiceSchedulerInitiated"),
    "stopped while it migrated": task(container={"exitCode": 12}, stopCode="ServiceSchedulerInitiated"),
    "taken back by Spot": task(container={"exitCode": 0}, stopCode="SpotInterruption"),
    "its proxy was killed after it": task(container={"exitCode": 0}, others=(PROXY,)),
    "still stopping": task(container={"exitCode": 137}, lastStatus="DEPROVISIONING"),
    "running": task(lastStatus="RUNNING", desiredStatus="RUNNING"),
    "another service": task(container={"exitCode": 137}, group="service:shop2"),
    "another cluster": task(container={"exitCode": 137}, clusterArn=f"{ROLES}:cluster/staging"),
}


@pytest.mark.parametrize("name", DEATHS)
def test_a_death_that_wrote_no_event_is_reported(name: str) -> None:
    """By the rule on tasks, and by it alone."""
    assert [rule for rule, made in RULES.items() if matches(made["EventPattern"], DEATHS[name])] == ["TaskStoppedRule"]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_end_raises_no_alarm(name: str) -> None:
    """A deployment stops tasks all the time."""
    assert not any(matches(made["EventPattern"], HEALTHY[name]) for made in RULES.values())


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (deployment("SERVICE_DEPLOYMENT_FAILED"), True),
        (deployment("SERVICE_DEPLOYMENT_IN_PROGRESS"), False),
        (deployment("SERVICE_DEPLOYMENT_COMPLETED"), False),
        (deployment("SERVICE_DEPLOYMENT_FAILED", "main/other"), False),
        (deployment("SERVICE_DEPLOYMENT_FAILED", "staging/shop"), False),
    ],
)
def test_a_failed_deployment_of_this_service_is_reported(event: dict[str, Any], told: bool) -> None:  # noqa: FBT001
    """And no other."""
    assert matches(RULES["DeploymentFailedRule"]["EventPattern"], event) == told


@pytest.mark.parametrize("path", ["source", "detail-type", "detail.clusterArn", "detail.group", "detail.lastStatus"])
def test_each_part_of_the_pattern_is_needed(path: str) -> None:
    """A pattern without it matches another event too."""
    pattern, event = copy.deepcopy(RULES["TaskStoppedRule"]["EventPattern"]), task(container=OUT_OF_MEMORY)
    part, changed = pattern, event
    *way, last = path.split(".")
    for name in way:
        part, changed = part[name], changed[name]
    changed[last] = "something else"
    assert not matches(pattern, event)
    del part[last]
    assert matches(pattern, event)


def test_the_notice_says_what_died_how_and_where_to_read_on() -> None:
    """It is read on a telephone; the section that it names is in the runbook."""
    lines = transformed(RULES["TaskStoppedRule"]["Targets"][0]["InputTransformer"], task(container=OUT_OF_MEMORY))
    text = "\n".join(lines)
    for part in (
        "service:shop",
        "EssentialContainerExited",
        "[137]",
        "['app']",
        "OutOfMemoryError",
        "c13b4cb4",
        "shop:7",
    ):
        assert part in text
    assert lines[-1] == "Runbook: https://example.com/runbook.md#no-last-line"
    failed = transformed(
        RULES["DeploymentFailedRule"]["Targets"][0]["InputTransformer"], deployment("SERVICE_DEPLOYMENT_FAILED")
    )
    assert "main/shop" in failed[0]
    assert "circuit breaker" in failed[0]
    assert failed[-1] == "Runbook: https://example.com/runbook.md#deployment-failed"


def test_a_task_that_never_ran_is_reported_without_exit_code() -> None:
    """Missing fields of the event are left out."""
    lines = transformed(RULES["TaskStoppedRule"]["Targets"][0]["InputTransformer"], DEATHS["no image"])
    assert "TaskFailedToStart, CannotPullContainerError" in lines[0]
    assert lines[1].startswith("Exit codes [] of")


@pytest.mark.parametrize("rule", RULES)
def test_a_transformer_uses_what_it_reads(rule: str) -> None:
    """A placeholder without a path is sent as it stands; at most 8192 characters."""
    transformer = RULES[rule]["Targets"][0]["InputTransformer"]
    assert set(re.findall(r"<([\w-]+)>", transformer["InputTemplate"])) == set(transformer["InputPathsMap"])
    assert len(transformer["InputTemplate"]) <= 8192


def test_a_missing_topic_is_created() -> None:
    """EventBridge may publish to it, which the default policy of a topic does not allow."""
    own = Stack(template(), {"NotificationEmail": "a@example.com", "ServiceName": "shop", "ClusterName": "main"})
    assert own.resources["TaskStoppedRule"]["Targets"][0]["Arn"] == "<Topic>"
    (allowed,) = own.resources["TopicPolicy"]["PolicyDocument"]["Statement"]
    assert set(allowed["Principal"]["Service"]) == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    assert RULES["TaskStoppedRule"]["Targets"][0]["Arn"] == TOPIC
    assert "Topic" not in STACK.resources
    silent = Stack(template(), {"ServiceName": "shop", "ClusterName": "main"})
    assert not [name for name in silent.resources if name.endswith("Rule") or name.startswith("Topic")]
