"""The workflows of GitHub Actions, and what a reviewer would object to that no linter does."""

import functools
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import yaml
from botocore import xform_name

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"

Workflow = Mapping[str, Any]

# The AWS CLI's own commands besides the API's operations, and the options that all commands have.
_OF_THE_CLI = {
    ("cloudformation", "deploy"): {
        "stack-name",
        "template-file",
        "parameter-overrides",
        "capabilities",
        "no-fail-on-empty-changeset",
    },
    ("ecr", "get-login-password"): set[str](),
}
_OF_ALL = {"query", "output", "max-items"}


def read(name: str) -> Workflow:
    """A workflow; `on`, which YAML takes for a truth, is a text again."""
    return parse((WORKFLOWS / name).read_text(encoding="utf-8"))


def parse(text: str) -> Workflow:
    """A workflow as the runner sees it, comments left out."""
    loaded = yaml.safe_load(text)
    assert isinstance(loaded, dict)
    return {("on" if key is True else str(key)): value for key, value in loaded.items()}


def steps(workflow: Workflow) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step with its job."""
    for job, each in workflow["jobs"].items():
        for step in each["steps"]:
            yield job, step


def script(workflow: Workflow, name: str) -> str:
    """The script of the step of that name."""
    (found,) = [step["run"] for _, step in steps(workflow) if step.get("name") == name]
    return str(found)


def scripts(workflow: Workflow) -> str:
    """All scripts."""
    return "\n".join(step["run"] for _, step in steps(workflow) if "run" in step)


def faults(text: str) -> set[str]:
    """All that is wrong with a workflow, in sentences."""
    workflow = parse(text)
    return {*_rights(workflow), *_bounds(workflow), *_pins(text), *_commands(workflow)}


def _rights(workflow: Workflow) -> Iterator[str]:
    if workflow.get("permissions") != {}:
        yield "every job may do something"
    for name, job in workflow["jobs"].items():
        if not set(job.get("permissions", {}).items()) <= {("contents", "read"), ("id-token", "write")}:
            yield f"{name} may do more than read and log in"
        assumes = any(step.get("with", {}).get("role-to-assume") for step in job["steps"])
        if assumes != ("id-token" in job.get("permissions", {})):
            yield f"{name} may log in and does not, or does and may not"
    for _, step in steps(workflow):
        given = step.get("with", {})
        if step.get("uses", "").startswith("actions/checkout@") and given.get("persist-credentials") is not False:
            yield "a token stays behind on the disk"
        if "aws-access-key-id" in given or "secrets." in str(step):
            yield "a key that lives long is used"
        if "${{" in step.get("run", ""):
            yield "a script is put together from somebody's text"


def _bounds(workflow: Workflow) -> Iterator[str]:
    if "group" not in workflow.get("concurrency", {}):
        yield "it runs beside itself"
    yield from (f"{name} has no time limit" for name, job in workflow["jobs"].items() if "timeout-minutes" not in job)


def _pins(text: str) -> Iterator[str]:
    for used in re.findall(r"uses: *(.*)", text):
        if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used):
            yield f"{used} may become something else"


def _commands(workflow: Workflow) -> Iterator[str]:
    """Check each command of the AWS CLI and its options against the API's own models."""
    for service, operation, options in aws_commands(scripts(workflow)):
        known = _options(service, operation)
        if known is None:
            yield f"aws {service} {operation} is no command"
        else:
            yield from (f"aws {service} {operation} has no --{option}" for option in options - known - _OF_ALL)


def aws_commands(text: str) -> Iterator[tuple[str, str, set[str]]]:
    """Every call of `aws`: service, operation (of a waiter: `wait` and its name) and options."""
    joined = text.replace("\\\n", " ")
    for call in re.findall(r"\baws ((?:'[^']*'|\"[^\"]*\"|[^|\n)'\"])*)", joined):
        words = shlex.split(call)
        names = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
        operation = " ".join(names[1:3]) if names[1] == "wait" else names[1]
        yield names[0], operation, {word[2:] for word in words if word.startswith("--")}


@functools.cache
def _options(service: str, operation: str) -> set[str] | None:
    if (service, operation) in _OF_THE_CLI:
        return _OF_THE_CLI[service, operation]
    session = botocore.session.get_session()
    model = session.get_service_model(service)
    if operation.startswith("wait "):
        waiters = session.get_waiter_model(service)
        named = {xform_name(name, "-"): name for name in waiters.waiter_names}
        waiter = named.get(operation.removeprefix("wait "))
        operation = xform_name(waiters.get_waiter(waiter).operation, "-") if waiter else ""
    for name in model.operation_names:
        if xform_name(name, "-") == operation:
            return {xform_name(member, "-") for member in model.operation_model(name).input_shape.members}
    return None
