"""The CloudFormation in deploy/ makes what ECS accepts, IAM should allow, and our own settings take."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.settings import Settings
from tests.servers import free_port
from tests.unit.cloudformation import parse
from tests.unit.deployment import DEPLOY, TEMPLATES, VARIANTS, faults, migration, service, template

ROOT = DEPLOY.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_templates_are_without_fault(name: str) -> None:
    """In every variant, and at the ends of every range that a parameter may have."""
    assert faults(template(name)) == set()


@pytest.mark.parametrize("name", TEMPLATES)
def test_cfn_lint_has_nothing_to_say(name: str) -> None:
    """Not a warning either; with our own rules, where there are some."""
    rules = ROOT / "tests" / "cloudwatch" / "rules"
    own = ["--append-rules", str(rules)] if rules.is_dir() else []
    command = [str(BIN / "cfn-lint"), "--non-zero-exit-code", "informational", *own, "--", str(DEPLOY / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


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
    ("- !Ref DatabaseSecretArn\n", "- !Ref RepositoryArn\n", "the role may read"),
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
    """Under Fargate Spot nobody deregisters the target before SIGTERM, so its health check has to notice."""
    stack = service(**VARIANTS["load balancer"], DrainSeconds=15)
    group = stack.resources["TargetGroup"]
    notices = group["HealthCheckIntervalSeconds"] * group["UnhealthyThresholdCount"]
    assert notices + group["HealthCheckTimeoutSeconds"] < float(stack.environ["ORCHESTRATOR_DRAIN_SECONDS"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_health_check_is_a_command_of_ours(variant: str) -> None:
    """Nobody listens, so it says no; a command line that is none would be told by another exit code."""
    shape, program, *arguments = service(**VARIANTS[variant]).container["HealthCheck"]["Command"]
    assert (shape, program) == ("CMD", "orchestrator")
    command = [sys.executable, "-m", "orchestrator", *arguments]
    done = subprocess.run(command, env={"PORT": str(free_port())}, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)


def test_the_one_off_task_migrates_and_has_no_health_check() -> None:
    """It serves nothing, and a stand-alone task runs on whatever its health."""
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
        ({**VARIANTS["IAM"], "MigrationDatabaseSecretArn": "arn"}, "is MigrationDatabaseIamUser"),
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
