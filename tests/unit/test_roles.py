"""The roles in deploy/ may do what the pipeline does, on its own resources, and nothing more.

There are three judges. moto with IAM enforcement decides for each call of the workflow whether its action is allowed,
but it knows neither resources nor conditions; `permissions` does. The calls of CloudFormation itself are published with
the handlers of each resource type, which cfn-lint contains.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.client import Config

from tests.unit.deployment import DEPLOY
from tests.unit.permissions import Statement, actions, allows, listed, without
from tests.unit.roles import BUILD, DEPLOYS, REGION, arn

WORKFLOW = (DEPLOY.parent / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")


# The calls of the workflow's commands. `aws cloudformation deploy` was watched against moto's server: on an existing
# stack it also calls GetTemplateSummary (awscli/customizations/cloudformation/deployer.py).
CALLS = {
    "cloudformation deploy": [
        f"cloudformation:{each}"
        for each in (
            "DescribeStacks",
            "GetTemplateSummary",
            "CreateChangeSet",
            "DescribeChangeSet",
            "ExecuteChangeSet",
        )
    ],
    "cloudformation describe-stacks": ["cloudformation:DescribeStacks"],
    "cloudformation describe-stack-events": ["cloudformation:DescribeStackEvents"],
    "cloudwatch describe-alarms": ["cloudwatch:DescribeAlarms"],
    "ecs wait": ["ecs:DescribeServices"],
    "ecs describe-services": ["ecs:DescribeServices"],
    "ecs list-tasks": ["ecs:ListTasks"],
    "ecs describe-tasks": ["ecs:DescribeTasks"],
    "logs filter-log-events": ["logs:FilterLogEvents"],
    "ecr get-login-password": ["ecr:GetAuthorizationToken"],
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
    "docker push": [
        f"ecr:{each}"
        for each in (
            "BatchCheckLayerAvailability",
            "BatchGetImage",
            "InitiateLayerUpload",
            "UploadLayerPart",
            "CompleteLayerUpload",
            "PutImage",
        )
    ],
}


BUILD_COMMANDS = {"ecr get-login-password", "docker push"}
CLUSTER = {"ecs:cluster": arn("ecs", "cluster/main")}


RESOURCES = {
    "cloudformation": [arn("cloudformation", f"stack/{name}/0a1b") for name in ("plants", "plants-observability")],
    "cloudwatch": [arn("cloudwatch", "alarm:plants-observability-deployment-failed")],
    "ecs:DescribeServices": [arn("ecs", "service/main/plants")],
    "ecs:DescribeTasks": [arn("ecs", "task/main/c13b4cb40f1f")],
    "logs": [arn("logs", "log-group:/ecs/plants:*")],
    "ecr": [arn("ecr", "repository/team/plants")],
}


OF_OTHERS = {
    "cloudformation": arn("cloudformation", "stack/plants-2/0a1b"),
    "ecs:DescribeServices": arn("ecs", "service/staging/plants"),
    "ecs:DescribeTasks": arn("ecs", "task/staging/c13b4cb40f1f"),
    "logs": arn("logs", "log-group:/ecs/other:*"),
    "ecr": arn("ecr", "repository/team/other"),
}


def _commands() -> set[str]:
    found = {f"{service} {operation}" for service, operation in re.findall(r"\baws ([a-z]+) ([a-z-]+)", WORKFLOW)}
    return found | ({"docker push"} if "docker push" in WORKFLOW else set())


def _called(commands: set[str]) -> set[str]:
    return {action for command in commands for action in CALLS[command]}


def test_the_workflow_has_no_command_whose_calls_are_not_known() -> None:
    """A new command needs new rights, and its calls looked up."""
    assert _commands() == set(CALLS)


@pytest.mark.parametrize(
    ("found", "commands"),
    [(BUILD, BUILD_COMMANDS), (DEPLOYS, set(CALLS) - BUILD_COMMANDS)],
    ids=["build", "deploy"],
)
def test_a_role_has_exactly_the_rights_of_its_job(found: list[Statement], commands: set[str]) -> None:
    """A missing one fails the deployment; a superfluous one is an attacker's next step."""
    assert actions(found) == _called(commands)


@pytest.mark.parametrize("action", sorted(_called(set(CALLS))))
def test_a_right_is_for_our_own_resources(action: str) -> None:
    """Our stacks, cluster, service, log group and repository; not those of another service in the account."""
    found = BUILD if action.startswith("ecr:") else DEPLOYS
    if action == "ecr:GetAuthorizationToken":
        assert allows(found, action)
        return
    if action == "ecs:ListTasks":
        assert allows(found, action, context=CLUSTER)
        assert not allows(found, action, context={"ecs:cluster": arn("ecs", "cluster/staging")})
        assert not allows(found, action)
        return
    service = action.partition(":")[0]
    assert all(allows(found, action, each) for each in RESOURCES.get(action) or RESOURCES[service])
    assert not allows(found, action)
    if other := OF_OTHERS.get(action) or OF_OTHERS.get(service):
        assert not allows(found, action, other)


class Account:
    """An account of moto with one user, whose calls are allowed by a policy."""

    def __init__(self) -> None:
        from moto import mock_aws  # the import takes seconds, and most workers never come here
        from moto.core import set_initial_no_auth_action_count

        self._mock, self._enforced = mock_aws(), set_initial_no_auth_action_count
        self._mock.start()
        self._iam = boto3.client("iam", region_name=REGION)
        self._iam.create_user(UserName="pipeline")
        self._key = self._iam.create_access_key(UserName="pipeline")["AccessKey"]

    def close(self) -> None:
        """End the mock."""
        self._mock.stop()

    def allowed(self, found: list[Statement], wanted: list[str]) -> set[str]:
        """Return the actions that IAM allows; the service's answer to them does not matter."""
        policy = {"Version": "2012-10-17", "Statement": [_for_moto(each) for each in found if each["Action"]]}
        self._iam.put_user_policy(UserName="pipeline", PolicyName="p", PolicyDocument=json.dumps(policy))
        enforced = self._enforced(0)(lambda: {action for action in wanted if self._lets_through(action)})
        return set(enforced())

    def _lets_through(self, action: str) -> bool:
        service, _, operation = action.partition(":")
        client: Any = boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id=self._key["AccessKeyId"],
            aws_secret_access_key=self._key["SecretAccessKey"],
            config=Config(parameter_validation=False, retries={"max_attempts": 0}),
        )
        try:
            client._make_api_call(operation, {})  # noqa: SLF001  # any operation, by its name
        except Exception as error:  # noqa: BLE001  # IAM's refusal, or what the service says to no parameters
            return "is not authorized to perform" not in str(error)
        return True


def _for_moto(statement: Statement) -> Statement:
    """Without resource and condition, which moto does not weigh, and with its name for CloudWatch."""
    named = [each.replace("cloudwatch:", "monitoring:") for each in listed(statement["Action"])]
    return {"Effect": statement["Effect"], "Action": named, "Resource": "*"}


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """Return the account."""
    made = Account()
    yield made
    made.close()


@pytest.mark.parametrize(("found", "role"), [(BUILD, "build"), (DEPLOYS, "deploy")], ids=["build", "deploy"])
def test_every_call_of_the_workflow_is_allowed_and_needs_its_right(
    account: Account, found: list[Statement], role: str
) -> None:
    """By moto's IAM: with the whole policy each one, and without any single right not that one."""
    commands = BUILD_COMMANDS if role == "build" else set(CALLS) - BUILD_COMMANDS
    called = _called(commands)
    assert account.allowed(found, sorted(called)) == called
    for action in called:
        assert account.allowed(without(found, action), [action]) == set(), action
