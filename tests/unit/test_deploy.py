"""The CloudFormation in deploy/ makes what ECS accepts, IAM should allow, and our own settings take."""

import re
import subprocess
import sys
from typing import Any

import pytest

from orchestrator.settings.model import Settings
from tests.cloudwatch.linting import findings
from tests.servers import free_port
from tests.unit.cloudformation import parse
from tests.unit.deployment import DEPLOY, TEMPLATES, VARIANTS, faults, migration, service, template


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_templates_are_without_fault(name: str) -> None:
    """In every variant, and at the ends of every range that a parameter may have."""
    assert set(faults(template(name))) == set()


@pytest.mark.parametrize("name", TEMPLATES)
def test_cfn_lint_finds_nothing(name: str) -> None:
    """Not a warning either; with our own rules."""
    assert findings((DEPLOY / name).read_text()) == []


MUTATIONS = [
    ("Interval: 10\n", "Interval: 4\n", "HealthCheck.Interval is 4"),
    ("Timeout: 5\n", "Timeout: 61\n", "HealthCheck.Timeout is 61"),
    ("Timeout: 5\n", "Timeout: 10\n", "a health check runs into the next one"),
    ("Retries: 3\n", "Retries: 11\n", "HealthCheck.Retries is 11"),
    ("StartPeriod: 300\n", "StartPeriod: 301\n", "HealthCheck.StartPeriod is 301"),
    ("StopTimeout: !Ref StopTimeoutSeconds", "StopTimeout: 121", "StopTimeout is 121"),
    ('"120": { ShutdownSeconds: "110" }', '"120": { ShutdownSeconds: "118" }', "SIGKILL comes 120 s"),
    ('"30": { ShutdownSeconds: "25" }', '"30": { ShutdownSeconds: "30" }', "SIGKILL comes 30 s"),
    ("MaxValue: 20\n", "MaxValue: 25\n", "ORCHESTRATOR_DRAIN_SECONDS: it must be less"),
    ("MaxValue: 3600\n", "MaxValue: 3601\n", "deregistration_delay.timeout_seconds is 3601"),
    ("MaxValue: 50000\n", "MaxValue: 50001\n", "Priority is 50001"),
    ("MaxValue: 2147483647\n", "MaxValue: 2147483648\n", "HealthCheckGracePeriodSeconds is 2147483648"),
    ("HealthyThresholdCount: 2\n", "HealthyThresholdCount: 1\n", "HealthyThresholdCount is 1"),
    ("HealthCheckTimeoutSeconds: 4\n", "HealthCheckTimeoutSeconds: 5\n", "the load balancer's health check runs into"),
    ("HealthCheckPath: /readyz", "HealthCheckPath: /livez", "something else than readiness"),
    ("probe, --live], [CMD", "probe], [CMD", "readiness is to be asked by the load balancer"),
    ("[CMD, orchestrator, probe]]", "[CMD, orchestrator, probe, --live]]", "readiness is to be asked by the load"),
    ('Cpu: "256", Memory: "1024"', 'Cpu: "256", Memory: "4096"', "Fargate offers no 256 CPU units with 4096 MiB"),
    ("ORCHESTRATOR_SERVICE,", "ORCHESTRATOR_SERVISE,", "ORCHESTRATOR_SERVISE is no variable"),
    ('AllowedValues: ["true", "false"]', 'AllowedValues: ["true", "never"]', "ORCHESTRATOR_MIGRATE: "),
    ("[mysql+asyncmy, mariadb+asyncmy,", "[mysql+asyncmy, mssql+pyodbc,", "DATABASE_DRIVER: "),
    ('Name: PORT, Value: "8000"', 'Name: PORT, Value: "8080"', "port 8000 is mapped, and 8080 is listened on"),
    ("Rollback: true\n", "Rollback: false\n", "a deployment that fails is not rolled back"),
    ("[secretsmanager:GetSecretValue, ssm:GetParameters]", "secretsmanager:GetSecretValue", "may not read arn:aws:ssm"),
    ("[secretsmanager:GetSecretValue, ssm:GetParameters]", "ssm:GetParameters", "the role may read"),
    ("AlarmNames: [!Ref DeploymentAlarmName], Enable: true", "AlarmNames: [other], Enable: true", "the alarm does not"),
    ("EnableExecuteCommand: false", "EnableExecuteCommand: true", "a shell can be had"),
    ("ReadonlyRootFilesystem: true", "ReadonlyRootFilesystem: false", "the root file system can be written"),
    ("Drop: [ALL]", "Drop: [NET_RAW]", "a capability is left"),
    ('User: "10001:10001"', 'User: "0:0"', "the user is root"),
    ("Image: !Ref Image", "Image: plants:latest", "the image is not given by digest"),
    ("mode: non-blocking", "mode: blocking", "a stalled log driver"),
    ("max-buffer-size: 25m", "max-buffer-size: 25", "a stalled log driver"),
    ("mode: non-blocking", "mode: non-blocking\n              awslogs-multiline-pattern: x", "several lines"),
    ('"${DatabaseSecretArn}:password::"', '"${DatabaseSecretArn}:password"', "DATABASE_PASSWORD names no key"),
    ('"${DatabaseSecretArn}:username::"', '"${DatabaseSecretArn}:host::"', "a secret that RDS manages has no host"),
    ("- !If [HasSecret, !Ref DatabaseSecretArn,", "- !If [HasSecret, !Ref RepositoryArn,", "the role may read"),
    (
        "Action: secretsmanager:GetSecretValue",
        "Action: secretsmanager:*",
        "secretsmanager:* allows more than one thing",
    ),
    ("Resource: !Ref RepositoryArn", 'Resource: "*"', "ecr:BatchGetImage is allowed on everything"),
    ("log-group:${LogGroupName}:*", "log-group:*", "logs:PutLogEvents is allowed on arn:aws:logs"),
    ("${DatabaseIamResourceId}/${DatabaseIamUser}", "${DatabaseIamResourceId}/*", "rds-db:connect is allowed on arn"),
    ('"kms:ViaService"', '"kms:CallerAccount"', "the key can be used for other things"),
    ("aws:SourceAccount", "aws:PrincipalAccount", "ECS may be made to use ExecutionRole by others"),
]


@pytest.mark.parametrize(("old", "new", "fault"), MUTATIONS)
def test_a_fault_in_the_template_is_seen(old: str, new: str, fault: str) -> None:
    """A check that cannot fail checks nothing."""
    text = (DEPLOY / "service.yaml").read_text(encoding="utf-8")
    assert old in text
    assert any(fault in each for each in faults(parse(text.replace(old, new))))


def test_the_default_of_the_stop_timeout_fits_our_own_default() -> None:
    """Whoever knows the one from our documentation finds it here."""
    assert float(service().environ["ORCHESTRATOR_SHUTDOWN_SECONDS"]) == Settings().shutdown_seconds
    assert service().container["StopTimeout"] == 30


def test_ecs_waits_longer_than_we_do() -> None:
    """Else ECS kills a task that waits for the database, the lock or a table within its own budgets."""
    settings = Settings()
    budgets = settings.wait_timeout_seconds + settings.lock_timeout_seconds + settings.ddl_retry_seconds
    assert service().resources["Service"]["HealthCheckGracePeriodSeconds"] > budgets


def test_a_target_that_drains_is_left_before_it_closes() -> None:
    """Fargate Spot does not deregister the target before SIGTERM, so its health check has to notice."""
    stack = service(**VARIANTS["load balancer"], DrainSeconds=15)
    group = stack.resources["TargetGroup"]
    notices = group["HealthCheckIntervalSeconds"] * group["UnhealthyThresholdCount"]
    assert notices + group["HealthCheckTimeoutSeconds"] < float(stack.environ["ORCHESTRATOR_DRAIN_SECONDS"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_health_check_is_an_orchestrator_command(variant: str) -> None:
    """Nothing listens, so it fails; a wrong command line would have another exit code."""
    shape, program, *arguments = service(**VARIANTS[variant]).container["HealthCheck"]["Command"]
    assert (shape, program) == ("CMD", "orchestrator")
    command = [sys.executable, "-m", "orchestrator", *arguments]
    done = subprocess.run(command, env={"PORT": str(free_port())}, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)


def test_the_one_off_task_migrates_and_has_no_health_check() -> None:
    """It serves nothing, and a stand-alone task runs with any health."""
    container = migration().container
    assert container["Command"] == ["migrate"]
    assert "HealthCheck" not in container


def test_where_the_pipeline_migrates_the_service_need_not_know_its_credentials() -> None:
    """That is what the variant is for."""
    stack = service(Migrate="false")
    assert stack.environ["ORCHESTRATOR_MIGRATE"] == "false"
    assert not [name for name in stack.environ if name.startswith("MIGRATION_")]
    owner = VARIANTS["the pipeline migrates"]["MigrationDatabaseSecretArn"]
    assert migration().environ["DATABASE_PASSWORD"] == f"{owner}:password::"


def test_without_a_load_balancer_there_is_nothing_of_one() -> None:
    """Its resources, and what refers to them."""
    assert {"TargetGroup", "ListenerRule"}.isdisjoint(service().resources)
    assert "LoadBalancers" not in service().resources["Service"]
    assert {"TargetGroup", "ListenerRule"} < set(service(**VARIANTS["load balancer"]).resources)


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


def test_a_revision_that_a_rollback_needs_is_kept() -> None:
    """CloudFormation would deregister it, and `update-service --task-definition` is refused then."""
    made = template("service.yaml")["Resources"]["TaskDefinition"]
    assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == ("Retain", "Retain")


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
