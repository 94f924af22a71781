"""The workflows follow deploy/README.md and docs/ecs.md, with commands that exist."""

import re
from pathlib import Path

import pytest

from tests.unit.deployment import DEPLOY, template
from tests.unit.workflows import WORKFLOWS, aws_commands, faults, read, script, scripts, steps

SERVICE = "Deploy the service, and wait until it is stable"


@pytest.mark.parametrize("path", sorted(WORKFLOWS.iterdir()), ids=lambda path: path.name)
def test_the_workflows_are_without_fault(path: Path) -> None:
    """Beside what actionlint, shellcheck and zizmor find (`make lint`)."""
    assert faults(path.read_text(encoding="utf-8")) == set()


MUTATIONS = [
    ("permissions: {}", "permissions: write-all", "every job may do something"),
    ("contents: read", "contents: write", "may do more than read"),
    ("id-token: write", "contents: read", "may log in and does not, or does and may not"),
    ("persist-credentials: false", "fetch-depth: 1", "a token stays behind"),
    ("role-to-assume: ${{ vars.AWS_DEPLOY_ROLE_ARN }}", "aws-access-key-id: x", "a key that lives long"),
    ("${{ vars.AWS_BUILD_ROLE_ARN }}", "${{ secrets.ROLE }}", "a key that lives long"),
    ('"Version=$GITHUB_REF_NAME"', '"Version=${{ github.ref_name }}"', "put together from somebody's text"),
    ("timeout-minutes: 90", "continue-on-error: false", "deploy has no time limit"),
    ("concurrency:", "x-concurrency:", "it runs beside itself"),
    ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "may become something else"),
    ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@3d3c42e # v7.0.1", "may become something else"),
    ("--filter-pattern", "--pattern", "aws logs filter-log-events has no --pattern"),
    ("ecs wait services-stable", "ecs wait service-stable", "aws ecs wait service-stable is no command"),
    ("--no-fail-on-empty-changeset", "--wait", "aws cloudformation deploy has no --wait"),
    ("aws ecs describe-tasks", "aws ecs describe-task", "aws ecs describe-task is no command"),
]


@pytest.mark.parametrize(("old", "new", "fault"), MUTATIONS)
def test_a_fault_in_a_workflow_is_seen(old: str, new: str, fault: str) -> None:
    """A check that cannot fail checks nothing."""
    text = (WORKFLOWS / "deploy.yml").read_text(encoding="utf-8")
    assert old in text
    assert any(fault in each for each in faults(text.replace(old, new)))


def test_the_deployment_has_no_migration_step() -> None:
    """The tasks migrate by themselves: that is what all this is for."""
    said = scripts(read("deploy.yml"))
    assert not re.search(r"alembic|run-task|\bmigrate\b", said)
    assert {operation for _, operation, _ in aws_commands(said)} == {
        "get-login-password",
        "deploy",
        "describe-stacks",
        "describe-alarms",
        "wait services-stable",
        "describe-services",
        "filter-log-events",
        "list-tasks",
        "describe-tasks",
        "describe-stack-events",
    }


def test_a_deployment_is_never_interrupted_by_the_next() -> None:
    """Half way is the worst place to stop."""
    assert read("deploy.yml")["concurrency"]["cancel-in-progress"] is False


def test_nothing_of_others_runs_with_credentials() -> None:
    """The build comes before the login, and nothing is built, pulled or installed after it."""
    names = [
        step.get("name") or step["uses"].split("@")[0] for job, step in steps(read("deploy.yml")) if job == "build"
    ]
    assert names == ["actions/checkout", "Build", "aws-actions/configure-aws-credentials", "Push"]
    assert not re.search(r"docker (run|build|pull)|pip|npm|curl", script(read("deploy.yml"), "Push"))


def test_the_parameters_that_are_set_are_the_templates_own() -> None:
    """All others keep the values of the first deployment."""
    given = set(re.findall(r'"([A-Z]\w+)=\$', script(read("deploy.yml"), SERVICE)))
    assert given == {"Image", "Version", "LogGroupName", "DeploymentAlarmName"}
    assert given <= set(template("service.yaml")["Parameters"])


def test_every_variable_is_documented() -> None:
    """Whoever sets the workflow up has only the README."""
    used = set(re.findall(r"vars\.(\w+)", (WORKFLOWS / "deploy.yml").read_text(encoding="utf-8")))
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert used == set(re.findall(r"^\| `([A-Z_]+)` \|", readme, re.MULTILINE))
