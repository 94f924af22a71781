"""What ECS, IAM and our own settings would object to in a template of deploy/."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestrator.documentation import manual
from orchestrator.errors import SettingsInvalid, StartupError
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import load
from tests.unit.cloudformation import Stack
from tests.unit.deployment import stacks

_OF_THE_APP = {"TZ", "SECRET_KEY", "API_KEY"}


RANGES = {
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html, API_ContainerDefinition.html
    "HealthCheck.Interval": (5, 300),
    "HealthCheck.Timeout": (2, 60),
    "HealthCheck.Retries": (1, 10),
    "HealthCheck.StartPeriod": (0, 300),
    "StopTimeout": (2, 120),
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    "DesiredCount": (0, 5000),
    "MinimumHealthyPercent": (0, 100),
    "MaximumPercent": (100, 200),
    "HealthCheckGracePeriodSeconds": (0, 2_147_483_647),
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
    "Priority": (1, 50_000),
    "deregistration_delay.timeout_seconds": (0, 3600),
}


SIZES = {  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
    256: {512, 1024, 2048},
    512: set(range(1024, 4097, 1024)),
    1024: set(range(2048, 8193, 1024)),
    2048: set(range(4096, 16_385, 1024)),
    4096: set(range(8192, 30_721, 1024)),
}


ANY_RESOURCE = {"ecr:GetAuthorizationToken"}  # of all that the templates allow, only this one takes no resource
MARGIN_SECONDS = 5  # between our own end and SIGKILL


def faults(template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the template's faults, as sentences."""
    return (fault for stack in stacks(template) for check in CHECKS for fault in check(stack))


def _ranges(stack: Stack) -> Iterator[str]:
    for name, number in _numbers(stack.resources):
        for ending, (least, most) in RANGES.items():
            if (name == ending or name.endswith(f".{ending}")) and not least <= number <= most:
                yield f"{ending} is {number}, not {least} to {most}"


def _numbers(node: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number with the path to it; of a key and a value (an attribute) the key is the name."""
    if isinstance(node, dict):
        named = {node["Key"]: node["Value"]} if set(node) == {"Key", "Value"} else node
        for key, value in named.items():
            yield from _numbers(value, f"{path}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from _numbers(value, path)
    elif re.fullmatch(r"-?\d+", str(node)):
        yield path, float(node)


def _size(stack: Stack) -> Iterator[str]:
    task = stack.resources["TaskDefinition"]
    if int(task["Memory"]) not in SIZES.get(int(task["Cpu"]), ()):
        yield f"Fargate offers no {task['Cpu']} CPU units with {task['Memory']} MiB"


def _settings(stack: Stack) -> Iterator[str]:
    """The environment is one that the program itself accepts."""
    known = {row.name for row in manual.variables()} | _OF_THE_APP
    yield from (f"{name} is no variable" for name in stack.environ if name not in known)
    try:
        load({"ORCHESTRATOR_APP": "app.main:app", **stack.environ, "AWS_REGION": "eu-west-1"})  # without pyproject.toml
    except StartupError as error:
        invalid = error.failure
    else:
        return
    assert isinstance(invalid, SettingsInvalid)
    yield from (f"{each['variable']}: {each['problem']}" for each in invalid.faults)


def _stopping(stack: Stack) -> Iterator[str]:
    shutdown = float(stack.environ.get("ORCHESTRATOR_SHUTDOWN_SECONDS", Settings().shutdown_seconds))
    if float(stack.container["StopTimeout"]) < shutdown + MARGIN_SECONDS:
        yield f"SIGKILL comes {stack.container['StopTimeout']} s after SIGTERM, and we need {shutdown:g} s"


def _health(stack: Stack) -> Iterator[str]:
    if "Service" not in stack.resources:
        return
    check = stack.container["HealthCheck"]
    if check["Timeout"] >= check["Interval"]:
        yield "a health check runs into the next one"
    service = stack.resources["Service"]
    readiness = "--live" not in check["Command"]
    if readiness == ("LoadBalancers" in service):
        yield "readiness is to be asked by the load balancer where there is one, else by the container"
    if group := stack.resources.get("TargetGroup"):
        if group["HealthCheckPath"] != Settings().ready_path:
            yield "the load balancer asks for something else than readiness"
        if group["HealthCheckTimeoutSeconds"] >= group["HealthCheckIntervalSeconds"]:
            yield "the load balancer's health check runs into the next one"


def _deployment(stack: Stack) -> Iterator[str]:
    if "Service" not in stack.resources:
        return
    service = stack.resources["Service"]
    deployment = service["DeploymentConfiguration"]
    breaker = deployment["DeploymentCircuitBreaker"]
    if (breaker["Enable"], breaker["Rollback"]) != (True, True):
        yield "a deployment that fails is not rolled back"
    if stack.ref("DeploymentAlarmName"):
        alarms = {"AlarmNames": [stack.ref("DeploymentAlarmName")], "Enable": True, "Rollback": True}
        if deployment.get("Alarms") != alarms:
            yield "the alarm does not roll the deployment back"
    if service["EnableExecuteCommand"]:
        yield "a shell can be had in the container"


def _ports(stack: Stack) -> Iterator[str]:
    port = int(stack.environ.get("PORT", Settings().port))
    used = [each["ContainerPort"] for each in stack.container.get("PortMappings", [])]
    used += [each["ContainerPort"] for each in stack.resources.get("Service", {}).get("LoadBalancers", [])]
    used += [group["Port"] for group in [stack.resources.get("TargetGroup")] if group]
    yield from (f"port {each} is mapped, and {port} is listened on" for each in used if each != port)


def _hardening(stack: Stack) -> Iterator[str]:
    container = stack.container
    if not container["ReadonlyRootFilesystem"]:
        yield "the root file system can be written"
    if container["LinuxParameters"]["Capabilities"] != {"Drop": ["ALL"]}:
        yield "a capability is left"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["User"]):
        yield "the user is root, or a name that only the image knows"
    if not re.search(r"@sha256:[0-9a-f]{64}$", container["Image"]):
        yield "the image is not given by digest"


def _logging(stack: Stack) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html."""
    options = stack.container["LogConfiguration"]["Options"]
    if options["mode"] != "non-blocking" or not re.fullmatch(r"[1-9]\d*m", str(options["max-buffer-size"])):
        yield "a stalled log driver would stall the event loop"
    if not options.get("awslogs-stream-prefix"):
        yield "Fargate requires a prefix of the stream"
    if {"awslogs-datetime-format", "awslogs-multiline-pattern"} & set(options):
        yield "several lines would become one event"


def _secrets(stack: Stack) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html."""
    for each in stack.container["Environment"]:
        if re.search(r"PASSWORD|SECRET|TOKEN", each["Name"]):
            yield f"{each['Name']} is in plain sight"
    allowed = {resource for action, resource, _ in _permissions(stack) if action == "secretsmanager:GetSecretValue"}
    allowed = {each for each in allowed if re.fullmatch(r"arn:aws:secretsmanager:[^:]+:[^:]+:secret:[^:]+", each)}
    needed = set()
    for each in stack.container.get("Secrets", []):
        if ":ssm:" in each["ValueFrom"]:
            if ("ssm:GetParameters", each["ValueFrom"]) not in {(action, of) for action, of, _ in _permissions(stack)}:
                yield f"the role may not read {each['ValueFrom']}"
            continue
        match = re.fullmatch(r"(arn:aws[a-z-]*:secretsmanager:[^:]+:\d+:secret:[^:]+-\w{6}):(\w+)::", each["ValueFrom"])
        if not match:
            yield f"{each['Name']} names no key of a secret: {each['ValueFrom']}"
            continue
        needed.add(match[1])
        if match[2] not in {"username", "password"}:
            yield f"a secret that RDS manages has no {match[2]}"
    if allowed != needed:
        yield f"the role may read {sorted(allowed)}, and the task needs {sorted(needed)}"


def _permissions(stack: Stack) -> Iterator[tuple[str, str, Any]]:
    """Action, resource and condition of all that is allowed."""
    for resource in stack.resources.values():
        for policy in resource.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in _list(statement["Action"]):
                    for target in _list(statement["Resource"]):
                        yield action, target, statement.get("Condition")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _roles(stack: Stack) -> Iterator[str]:
    group = f"log-group:{stack.ref('LogGroupName')}:*"
    for action, target, condition in _permissions(stack):
        if "*" in action:
            yield f"{action} allows more than one thing"
        if target == "*" and action not in ANY_RESOURCE:
            yield f"{action} is allowed on everything"
        if "*" in target.removesuffix("*") or ("*" in target and target != "*" and not target.endswith(group)):
            yield f"{action} is allowed on {target}"
        if action.startswith("kms:") and "kms:ViaService" not in str(condition):
            yield "the key can be used for other things than secrets"
    for name, resource in stack.resources.items():
        for statement in resource.get("AssumeRolePolicyDocument", {}).get("Statement", []):
            if "aws:SourceAccount" not in str(statement.get("Condition")):
                yield f"ECS may be made to use {name} by others"  # the confused deputy


CHECKS: tuple[Callable[[Stack], Iterator[str]], ...] = (
    _ranges,
    _size,
    _settings,
    _stopping,
    _health,
    _deployment,
    _ports,
    _hardening,
    _logging,
    _secrets,
    _roles,
)
