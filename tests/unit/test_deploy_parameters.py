"""The parameters in deploy/: what each changes, and which values are refused before anything is made."""

import re
from typing import Any

import pytest

from tests.unit.cloudformation import parse
from tests.unit.deployment import DEPLOY, TEMPLATES, VARIANTS, service, template


@pytest.mark.parametrize("count", [1, 2, 10])
def test_the_app_gets_its_own_variables_and_secrets(count: int) -> None:
    """Each one, and the execution role may read exactly the secrets; the template need not be changed for it."""
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/{}-AbCdEf"
    parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/{}"
    plain = {f"PLAIN_{number}": f"value {number}" for number in range(count)}
    secrets = {f"KEY_{number}": f"{secret.format(number)}:key::" for number in range(0, count, 2)}
    secrets |= {f"KEY_{number}": parameter.format(number) for number in range(1, count, 2)}
    stack = service(AppEnvironment=_joined(plain), AppSecrets=_joined(secrets))
    assert stack.environ.items() >= plain.items()
    assert {each["Name"]: each["ValueFrom"] for each in stack.container["Secrets"]}.items() >= secrets.items()
    (policy,) = stack.resources["ExecutionRole"]["Policies"]
    read = [each for each in policy["PolicyDocument"]["Statement"] if "ssm:GetParameters" in each["Action"]]
    assert len(read) == count
    named = [parameter if ":ssm:" in each else secret for each in secrets.values()]
    for name, form, statement in zip(secrets, named, read, strict=True):
        assert form.format(name.removeprefix("KEY_")) in statement["Resource"]


def _joined(values: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())


_SHOP = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf"


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (
            "AppEnvironment",
            ["", "A=", "A=1", "A=1,b_2=x y", ",".join(["A=1"] * 10)],
            ["A", "1A=1", "A=b=c", "A=1,", ",A=1", "A-B=1", ",".join(["A=1"] * 11)],
        ),
        (
            "AppSecrets",
            ["", f"A={_SHOP}", f"A={_SHOP}:key::,B={_SHOP}:other:AWSCURRENT:"],
            ["A=secret", "A=arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop", f"A={_SHOP}:key", "A="],
        ),
        ("EnvironmentFileArn", ["", "arn:aws:s3:::settings/shop.env"], ["s3://settings/shop.env", "arn:aws:s3:::a/b"]),
        ("ForwardedAllowIps", ["*", "10.0.0.0/16", "10.0.0.1, fd00::/8"], ["", "none", "10.0.0.1;10.0.0.2"]),
    ],
)
def test_a_parameter_takes_what_can_work_only(parameter: str, good: list[str], bad: list[str]) -> None:
    """An eleventh variable, or a value that would be cut, is refused and not lost."""
    pattern = template("service.yaml")["Parameters"][parameter]["AllowedPattern"]
    assert [value for value in good if not re.search(pattern, value)] == []
    assert [value for value in bad if re.search(pattern, value)] == []


def test_the_budget_of_the_lock_is_a_parameter() -> None:
    """A migration that makes progress is waited for without end, unless the absolute limit is given."""
    assert "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS" not in service().environ
    assert service(LockTimeoutSeconds=60).environ["ORCHESTRATOR_LOCK_TIMEOUT_SECONDS"] == "60"
    assert service(LockTotalTimeoutSeconds=7200).environ["ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS"] == "7200"


def test_behind_a_load_balancer_its_headers_are_believed() -> None:
    """Otherwise redirects lead to http://; without a load balancer, no client's headers are trusted."""
    assert service(ListenerArn=VARIANTS["load balancer"]["ListenerArn"]).environ["FORWARDED_ALLOW_IPS"] == "*"
    assert "FORWARDED_ALLOW_IPS" not in service().environ


def test_where_the_service_scales_a_deployment_leaves_the_number_of_tasks_alone() -> None:
    """DesiredCount is the minimum then; the target is the service, by the name that the scaler has for it."""
    stack = service(**VARIANTS["scaling on Spot"])
    target, made = stack.resources["ScalableTarget"], stack.resources["Service"]
    assert "DesiredCount" not in made
    assert (target["MinCapacity"], target["MaxCapacity"], target["ResourceId"]) == (2, 10, "service/main/plants")
    assert service().resources["Service"]["DesiredCount"] == 2
    assert "ScalableTarget" not in service().resources


def test_a_share_of_the_tasks_may_be_on_spot() -> None:
    """A launch type and capacity providers exclude each other."""
    made = service(**VARIANTS["scaling on Spot"]).resources["Service"]
    assert "LaunchType" not in made
    weights = {each["CapacityProvider"]: each["Weight"] for each in made["CapacityProviderStrategy"]}
    assert weights == {"FARGATE": 1, "FARGATE_SPOT": 3}
    assert service().resources["Service"]["LaunchType"] == "FARGATE"
    assert "CapacityProviderStrategy" not in service().resources["Service"]


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(
    ("image", "taken"),
    [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/plants@sha256:" + "a" * 64, True),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/plants:latest", False),
        ("plants@sha256:" + "a" * 63, False),
        ("plants@sha256:" + "A" * 64, False),
    ],
)
def test_only_an_image_by_digest_is_taken(name: str, image: str, taken: bool) -> None:  # noqa: FBT001
    """A tag may be another image when ECS rolls back."""
    pattern = template(name)["Parameters"]["Image"]["AllowedPattern"]
    assert bool(re.search(pattern, image)) == taken


@pytest.mark.parametrize(
    ("parameters", "broken"),
    [
        *((changes, None) for changes in VARIANTS.values()),
        ({"MaximumPercent": 100}, "no task can be replaced"),
        ({"DatabaseSecretArn": ""}, "Give DatabaseSecretArn"),
        ({**VARIANTS["IAM"], "DatabaseSecretArn": "arn"}, "exclude each other"),
        ({**VARIANTS["IAM"], "DatabaseSslCa": ""}, "needs TLS"),
        ({**VARIANTS["IAM"], "DatabaseIamUser": ""}, "needs DatabaseIamUser"),
        ({**VARIANTS["IAM"], "MigrationDatabaseSecretArn": "arn"}, "MigrationDatabaseSecretArn exclude each other"),
    ],
)
def test_parameters_that_contradict_are_refused_before_anything_is_made(
    parameters: dict[str, Any], broken: str | None
) -> None:
    """Rather than by a start that fails."""
    said = service(**parameters).broken_rules()
    assert len(said) == (broken is not None), said
    assert all(str(broken) in each for each in said)


def test_every_parameter_is_used_and_every_number_has_a_range() -> None:
    """A parameter without effect, or one that ECS would refuse an hour later, is a trap."""
    for name in TEMPLATES:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        for parameter, each in parse(text)["Parameters"].items():
            assert re.search(rf"(!Ref |\$\{{){parameter}\b", text), parameter
            if each["Type"] == "Number" and "AllowedValues" not in each:
                assert "MinValue" in each, parameter
