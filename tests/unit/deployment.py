"""The templates in deploy/, as stacks with everything that may be given."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import certifi

from tests.unit.cloudformation import Stack, parse

DEPLOY = Path(__file__).parents[2] / "deploy"
TEMPLATES = ("service.yaml", "migrate.yaml")
_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:{}-AbCdEf"


_REQUIRED = {
    "ServiceName": "plants",
    "Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/plants@sha256:" + "0" * 64,
    "RepositoryArn": "arn:aws:ecr:eu-west-1:111122223333:repository/plants",
    "Cluster": "main",
    "VpcId": "vpc-0123456789abcdef0",
    "Subnets": ["subnet-1"],
    "SecurityGroups": ["sg-1"],
    "DatabaseHost": "plants.abc.eu-west-1.rds.amazonaws.com",
    "DatabaseName": "plants",
    "DatabaseSecretArn": _SECRET.format("rds!db-app"),
    "LogGroupName": "/plants",
}


_PARAMETER = "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/key"
_LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/main/1/2"
_MIGRATION = {"MigrationDatabaseSecretArn": _SECRET.format("owner")}


_IAM = {
    "DatabaseSecretArn": "",
    "DatabaseIamResourceId": "cluster-ABC",
    "DatabaseIamUser": "app",
    "MigrationDatabaseIamUser": "owner",
    "DatabaseSslCa": certifi.where(),
}


VARIANTS: dict[str, dict[str, Any]] = {
    "least": {},
    "load balancer": {
        "ListenerArn": _LISTENER,
        "HostHeader": "plants.example.com",
        "DeploymentAlarmName": "deployment",
        "Version": "1",
    },
    "two users": {**_MIGRATION, "SecretsKmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1,arn:aws:kms:eu:1:key/2"},
    "IAM": _IAM,
    "IAM for the app, a secret for migrations": {**_IAM, **_MIGRATION, "MigrationDatabaseIamUser": ""},
    "a proxy for the app": {**_MIGRATION, "MigrationDatabaseHost": "writer.internal", "MigrationDatabasePort": 3307},
    "of its own": {
        "Environment": "production",
        "AppEnvironment": "TZ=UTC,ORCHESTRATOR_APP=shop.main:app",
        "AppSecrets": f"SECRET_KEY={_SECRET.format('shop')}:username::,API_KEY={_PARAMETER}",
        "EnvironmentFileArn": "arn:aws:s3:::settings/shop/1.env",
    },
    "scaling on Spot": {
        "ListenerArn": _LISTENER,
        "MaximumCount": 10,
        "SpotPercent": 75,
        "ServiceConnectNamespace": "internal",
        "LockTotalTimeoutSeconds": 3600,
    },
    "the pipeline migrates": {**_MIGRATION, "Migrate": "false", "DatabaseSslCa": certifi.where()},
}


def template(name: str) -> Any:
    """A template of deploy/."""
    return parse((DEPLOY / name).read_text(encoding="utf-8"))


def service(**parameters: Any) -> Stack:
    """The service's stack."""
    return Stack(template("service.yaml"), {**_REQUIRED, **parameters})


def migration() -> Stack:
    """The stack of the one-off task."""
    return Stack(template("migrate.yaml"), {**_REQUIRED, **_MIGRATION})


def stacks(template: Mapping[str, Any]) -> Iterator[Stack]:
    """The template with everything that may be given: each variant, and each end of each range."""
    always = _REQUIRED if "DatabaseSecretArn" in template["Parameters"] else {**_REQUIRED, **_MIGRATION}
    for changes in VARIANTS.values():
        yield Stack(template, {**always, **changes})
    for name, each in template["Parameters"].items():
        ends = (each[key] for key in ("MinValue", "MaxValue") if key in each)
        for value in chain(each.get("AllowedValues", ()), ends):
            yield Stack(template, {**_REQUIRED, **_MIGRATION, "ListenerArn": _LISTENER, name: value})
