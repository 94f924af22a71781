"""The Terraform module of the service makes what service.yaml makes. It was not applied to an account."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cloudwatch.expressions import snake
from tests.cloudwatch.terraform import INSTALLED, Node, evaluated, faults, references, resources
from tests.unit.deployment import DEPLOY, VARIANTS, service, template

MODULE = DEPLOY / "terraform"
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in sorted(MODULE.glob("*.tf"))}
RESOURCES = resources(MODULE / "main.tf")
VARIABLES = set(re.findall(r'^variable "(\w+)"', TEXTS["variables.tf"], re.MULTILINE))
# Parameters that have another name in the module, and those that the provider does not support.
RENAMED = {"version": "image_version", "secrets_kms_key_arn": "secrets_kms_key_arns"}
LEFT_OUT = {"failed_tasks_threshold"}
AS_LISTS = {"Subnets", "SecurityGroups"}


def test_it_has_the_parameters_of_the_template() -> None:
    """docs/ecs.md describes both with one text."""
    parameters = {snake(name) for name in template("service.yaml")["Parameters"]} - LEFT_OUT
    assert {RENAMED.get(name, name) for name in parameters} == VARIABLES


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, named in sorted(RESOURCES.items()) for name in named]
)
def test_the_provider_knows_every_argument(kind: str, name: str) -> None:
    """By name and type; none that it requires is missing."""
    plain = json.loads(json.dumps(RESOURCES[kind][name]).replace('"\\"', '"').replace('\\""', '"'))
    assert list(faults(kind, plain)) == []


def test_no_reference_is_broken() -> None:
    """Variables, locals and resources; and each variable is used."""
    text = TEXTS["main.tf"] + TEXTS["outputs.tf"]
    assert set(re.findall(r"\bvar\.(\w+)", text)) == VARIABLES
    (block,) = re.findall(r"^locals \{\n(.*?)^\}", TEXTS["main.tf"], re.MULTILINE | re.DOTALL)
    declared = set(re.findall(r"^  (\w+) += ", block, re.MULTILINE))
    assert set(re.findall(r"\blocal\.(\w+)", text)) <= declared
    there = {f"{kind}.{name}" for kind, named in RESOURCES.items() for name in named}
    used = {each.rpartition(".")[0] for each in references(text)} - {
        f"aws_{data}.current" for data in ("region", "caller_identity", "partition")
    }
    assert used <= there


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Return container and rights of each variant, as terraform computes them."""
    if not INSTALLED:
        pytest.skip("terraform is not installed")
    directory = tmp_path_factory.mktemp("terraform")
    (made := directory / "service").mkdir()
    (block,) = re.findall(r"^locals \{\n.*?^\}\n", TEXTS["main.tf"], re.MULTILINE | re.DOTALL)
    for data, word in (
        ("data.aws_caller_identity.current.account_id", '"111122223333"'),
        ("data.aws_region.current.id", '"eu-west-1"'),
        ("${data.aws_partition.current.partition}", "aws"),
    ):
        assert data in block
        block = block.replace(data, word)
    (made / "locals.tf").write_text(block, encoding="utf-8")
    (made / "variables.tf").write_text(TEXTS["variables.tf"], encoding="utf-8")
    outputs = {"made": {"value": "${jsonencode({container = local.container, rights = local.statements})}"}}
    (made / "outputs.tf.json").write_text(json.dumps({"output": outputs}), encoding="utf-8")
    names = {name: snake("".join(word.capitalize() for word in re.findall(r"\w+", name))) for name in VARIANTS}
    config = {
        "module": {names[name]: {"source": "./service", **_arguments(changes)} for name, changes in VARIANTS.items()},
        "output": {label: {"value": f"${{module.{label}.made}}"} for label in names.values()},
    }
    found = evaluated(directory, config)
    return {name: json.loads(found[label]) for name, label in names.items()}


def _arguments(changes: Node) -> Node:
    """The parameters of a stack as the module's arguments."""
    given = service(**changes).given
    arguments = {RENAMED.get(snake(name), snake(name)): value for name, value in given.items()}
    for name in ("app_environment", "app_secrets"):
        if text := arguments.get(name):
            arguments[name] = dict(each.split("=", 1) for each in text.split(","))
    if keys := arguments.get("secrets_kms_key_arns"):
        arguments["secrets_kms_key_arns"] = keys if isinstance(keys, list) else keys.split(",")
    return arguments


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_container_is_that_of_the_template(variant: str, computed: Node) -> None:
    """Environment, secrets, health check and times, in every variant."""
    container, expected = computed[variant]["container"], service(**VARIANTS[variant])
    environ = {each["name"]: each["value"] for each in container["environment"]}
    environ |= {each["name"]: each["valueFrom"] for each in container["secrets"]}
    assert environ == expected.environ
    check = {key[0].lower() + key[1:]: value for key, value in expected.container["HealthCheck"].items()}
    assert container["healthCheck"] == check
    assert container["stopTimeout"] == expected.container["StopTimeout"]
    assert container["user"] == expected.container["User"]
    assert container["logConfiguration"]["options"] == expected.container["LogConfiguration"]["Options"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_execution_role_reads_the_same_secrets(variant: str, computed: Node) -> None:
    """Its rights name the ARN of each secret, without the key of its JSON, and no other secret."""
    read = _readable(computed[variant]["rights"])
    needed = {_whole(each["valueFrom"]) for each in computed[variant]["container"]["secrets"]}
    assert read == needed


def _readable(rights: list[Any]) -> set[str]:
    return {arn for each in rights if "ssm:GetParameters" in each["Action"] for arn in each["Resource"]}


def _whole(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def test_a_revision_that_a_rollback_needs_is_kept() -> None:
    """Terraform also leaves the number of tasks to the scaler."""
    (task,) = RESOURCES["aws_ecs_task_definition"].values()
    assert task["skip_destroy"] is True
    assert Path(MODULE / "main.tf").read_text(encoding="utf-8").count("ignore_changes = [desired_count]") == 1
