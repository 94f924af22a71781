"""The CloudFormation in deploy/ makes what ECS accepts, IAM should allow, and our own settings take."""

import subprocess
import sys

import pytest

from orchestrator.settings.model import Settings
from tests.cloudwatch.linting import findings
from tests.servers import free_port
from tests.unit.cloudformation import parse
from tests.unit.deployment import DEPLOY, TEMPLATES, VARIANTS, migration, service, template
from tests.unit.deployment_faults import faults


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


def test_a_revision_that_a_rollback_needs_is_kept() -> None:
    """CloudFormation would deregister it, and `update-service --task-definition` is refused then."""
    made = template("service.yaml")["Resources"]["TaskDefinition"]
    assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == ("Retain", "Retain")
