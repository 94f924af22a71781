"""The roles in deploy/, made for a service called plants."""

from tests.unit.cloudformation import Stack
from tests.unit.deployment import template
from tests.unit.permissions import statements

ACCOUNT, REGION = "111122223333", "eu-west-1"


PARAMETERS = {
    "GitHubRepository": "shop/plants",
    "EcrRepository": "team/plants",
    "ServiceStack": "plants",
    "ObservabilityStack": "plants-observability",
    "Cluster": "main",
    "ServiceName": "plants",
    "LogGroupName": "/ecs/plants",
}


STACK = Stack(template("roles.yaml"), PARAMETERS)
BUILD, DEPLOYS, MAKES = (statements(STACK, role) for role in ("BuildRole", "DeployRole", "CloudFormationRole"))


def arn(service: str, resource: str, region: str = REGION) -> str:
    """Return the name of a resource in the account of the tests."""
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"
