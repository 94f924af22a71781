"""The role of CloudFormation and who becomes the roles: what handlers may do, on whose resources."""

import pytest

from tests.unit.cloudformation import Stack
from tests.unit.deployment import template
from tests.unit.permissions import actions, allows
from tests.unit.roles import ACCOUNT, MAKES, PARAMETERS, STACK, arn

# Published rights of the handlers that our templates have no use for.
NOT_USED = {
    "cognito-idp:DescribeUserPoolClient",  # a rule that asks Cognito for a login
    "firehose:TagDeliveryStream",
    "logs:CreateLogDelivery",
    "logs:PutBearerTokenAuthentication",
    "s3:REST.PUT.OBJECT",
    *(f"logs:{verb}DataProtectionPolicy" for verb in ("Put", "Delete")),
    *(f"logs:{verb}IndexPolicy" for verb in ("Put", "Delete")),
    *(f"logs:{verb}ResourcePolicy" for verb in ("Put", "Delete")),
    "logs:PutLogGroupDeletionProtection",
    *(f"lambda:{verb}ProvisionedConcurrencyConfig" for verb in ("Get", "Put", "Delete")),
    *(f"application-autoscaling:{verb}ScheduledAction" for verb in ("Put", "Delete")),
    *(f"elasticloadbalancing:{verb}Targets" for verb in ("Register", "Deregister")),  # ECS does that
    *(f"iam:{verb}RolePolicy" for verb in ("Attach", "Detach")),  # our roles have inline policies only
    *(f"iam:{verb}RolePermissionsBoundary" for verb in ("Put", "Delete")),
    "sns:PutDataProtectionPolicy",
}


def _handlers() -> set[str]:
    types = {
        each["Type"]
        for name in ("service.yaml", "migrate.yaml", "observability.yaml")
        for each in template(name)["Resources"].values()
    }
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # half a second, for the one worker that runs this

    schemas = [PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", each).schema for each in types]
    return {
        action
        for schema in schemas
        for handler in ("create", "read", "update", "delete")
        for action in schema["handlers"].get(handler, {}).get("permissions", ())
    }


def test_cloudformation_may_do_what_its_handlers_are_published_with() -> None:
    """For every type of resource in the templates, and nothing more; the exceptions are listed above."""
    published = _handlers()
    assert published >= NOT_USED
    assert actions(MAKES) == published - NOT_USED


@pytest.mark.parametrize(
    ("action", "ours", "other"),
    [
        ("ecs:UpdateService", arn("ecs", "service/main/plants"), arn("ecs", "service/main/other")),
        ("iam:CreateRole", arn("iam", "role/plants-TaskRole-1A", ""), arn("iam", "role/admin", "")),
        ("iam:PutRolePolicy", arn("iam", "role/plants-migrate-ExecutionRole-1A", ""), arn("iam", "role/admin", "")),
        ("logs:PutMetricFilter", arn("logs", "log-group:/ecs/plants:*"), arn("logs", "log-group:/ecs/other:*")),
        ("events:PutRule", arn("events", "rule/plants-observability-TaskStopped-1A"), arn("events", "rule/other")),
        ("sns:SetTopicAttributes", arn("sns", "plants-observability-Topic-1A"), arn("sns", "billing")),
        (
            "cloudwatch:PutMetricAlarm",
            arn("cloudwatch", "alarm:plants-observability-start-slow"),
            arn("cloudwatch", "alarm:other"),
        ),
        (
            "cloudwatch:PutMetricAlarm",
            arn("cloudwatch", "alarm:TargetTracking-service/main/plants-AlarmHigh-1"),
            arn("cloudwatch", "alarm:TargetTracking-service/main/other"),
        ),
        (
            "cloudwatch:PutDashboard",
            arn("cloudwatch", "dashboard/plants-observability", ""),
            arn("cloudwatch", "dashboard/other", ""),
        ),
    ],
)
def test_cloudformation_changes_resources_that_are_named_after_the_stacks(action: str, ours: str, other: str) -> None:
    """Names that CloudFormation makes begin with the stack's."""
    assert allows(MAKES, action, ours)
    assert not allows(MAKES, action, other)


@pytest.mark.parametrize(
    ("service", "passed"), [("ecs-tasks.amazonaws.com", True), ("ec2.amazonaws.com", False), ("", False)]
)
def test_a_role_is_passed_to_tasks_only(service: str, passed: bool) -> None:  # noqa: FBT001
    """To a machine with a shell it would be worth more."""
    role = arn("iam", "role/plants-TaskRole-1A", "")
    assert allows(MAKES, "iam:PassRole", role, {"iam:PassedToService": service}) == passed
    assert not allows(MAKES, "iam:PassRole", arn("iam", "role/admin", ""), {"iam:PassedToService": service})


def test_only_this_repository_becomes_the_roles() -> None:
    """A condition on `aud` alone would let every repository of GitHub in."""
    trusted = {
        role: STACK.resources[role]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
        for role in ("BuildRole", "DeployRole")
    }
    issuer = "token.actions.githubusercontent.com"
    assert trusted["BuildRole"]["StringLike"] == {f"{issuer}:sub": "repo:shop/plants:ref:refs/tags/v*"}
    assert trusted["DeployRole"]["StringEquals"][f"{issuer}:sub"] == "repo:shop/plants:environment:production"
    assert all(each["StringEquals"][f"{issuer}:aud"] == "sts.amazonaws.com" for each in trusted.values())
    assert "StringLike" not in trusted["DeployRole"]


def test_the_identity_provider_is_made_once() -> None:
    """An account takes one of each address, so the second service has to name it."""
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    again = Stack(template("roles.yaml"), {**PARAMETERS, "OidcProviderArn": arn})
    assert "OidcProvider" not in again.resources
    (statement,) = again.resources["DeployRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"]["Federated"] == arn
