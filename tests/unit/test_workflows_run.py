"""The scripts of the deployment do what they are for, with an AWS and a docker that give canned answers."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cloudwatch.patterns import Pattern
from orchestrator.documentation.schema import line_schema
from orchestrator.errors import StartupFailed
from tests.unit.workflows import read, script

pytestmark = pytest.mark.skipif(not shutil.which("jq"), reason="jq, which every runner has, is not installed")

PUSH = "Push"
ALARMS = "Deploy the alarms"
QUIET = "Wait for the deployment alarm to be quiet"
OURS = "Look whether it is ours that runs"
REPORT = "Say why it failed"
REPOSITORY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/plants"
ENVIRONMENT = {
    "CLUSTER": "main",
    "SERVICE": "plants",
    "SERVICE_STACK": "plants",
    "OBSERVABILITY_STACK": "plants-observability",
    "REPOSITORY": REPOSITORY,
    "LOG_GROUP": "/plants",
    "STARTED_MS": "1",
    "ALARM": "plants-deployment-failed",
    "GITHUB_SHA": "c0ffee",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "1",
}


class Runner:
    """Runs steps as a runner of GitHub does. `aws` and `docker` are stand-ins, which note their calls and answer them.

    An answer has the name of the operation; to a question that has none, the AWS CLI fails as it does.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.outputs = directory / "outputs"
        self._calls = directory / "calls"
        self._stand_in("aws", 2, unknown=254)
        self._stand_in("docker", 1, unknown=0)
        self._stand_in("sleep", 1, unknown=0)

    def _stand_in(self, name: str, position: int, unknown: int) -> None:
        path = self._directory / name
        answer = f'{self._directory}/{name}-"${position}"'
        reads = 'case "$*" in *-stdin*) cat >/dev/null; esac'  # otherwise the writer sometimes gets SIGPIPE
        path.write_text(
            f'#!/bin/sh\necho "{name} $@" >> {self._calls}\n{reads}\ncat {answer} 2>/dev/null || exit {unknown}\n',
            encoding="utf-8",
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def answer(self, question: str, text: Any) -> None:
        """Make `aws describe-stacks` (or `docker inspect`) write this: a text unchanged, other values as JSON."""
        name, _, operation = question.partition(" ")
        told = text if isinstance(text, str) else json.dumps(text)
        (self._directory / f"{name}-{operation}").write_text(told, encoding="utf-8")

    def run(self, step: str) -> subprocess.CompletedProcess[str]:
        """Run a step of the deployment."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(read("deploy.yml"), step)],
            env={"PATH": f"{self._directory}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(self.outputs), **ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> str:
        """Every call so far, one a line."""
        return self._calls.read_text(encoding="utf-8")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a runner that knows no answer yet."""
    return Runner(tmp_path)


def stacks(**outputs: str) -> dict[str, Any]:
    """What describe-stacks answers."""
    return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}]}


def test_the_deployed_digest_is_the_one_that_was_pushed(runner: Runner) -> None:
    """And not the same image's digest in another repository."""
    digests = [f"elsewhere/plants@sha256:{'1' * 64}", f"{REPOSITORY}@sha256:{'2' * 64}"]
    runner.answer("aws get-login-password", "token")
    runner.answer("docker inspect", "\n".join(digests) + "\n")
    assert runner.run(PUSH).returncode == 0
    assert runner.outputs.read_text() == f"image={digests[1]}\n"
    assert f"docker push --quiet {REPOSITORY}:c0ffee-7-1" in runner.calls


def test_without_a_login_nothing_is_pushed(runner: Runner) -> None:
    """A failure in the middle of a pipe is a failure."""
    assert runner.run(PUSH).returncode != 0
    assert "docker push" not in runner.calls


def test_the_service_gets_the_names_that_the_alarms_stack_gave(runner: Runner) -> None:
    """Its other outputs do not matter here."""
    runner.answer("aws deploy", "")
    runner.answer("aws describe-stacks", stacks(LogGroupName="/plants", DeploymentAlarmName="a", Other="x"))
    assert runner.run(ALARMS).returncode == 0
    assert runner.outputs.read_text().splitlines() == ["LogGroupName=/plants", "DeploymentAlarmName=a"]


@pytest.mark.parametrize(("state", "warns"), [("OK", False), ("INSUFFICIENT_DATA", False), ("ALARM", True)])
def test_an_alarm_that_stays_on_blocks_a_deployment_for_a_limited_time(runner: Runner, state: str, warns: bool) -> None:  # noqa: FBT001
    """The cure of the alarm may be the very thing that is being deployed."""
    runner.answer("aws describe-alarms", state)
    done = runner.run(QUIET)
    assert (done.returncode, "::warning::" in done.stdout) == (0, warns)


@pytest.mark.parametrize(("running", "right"), [("plants:8", True), ("plants:7", False), ("None", False)])
def test_a_service_that_was_rolled_back_is_not_a_success(runner: Runner, running: str, right: bool) -> None:  # noqa: FBT001
    """It is stable, with the image of before."""
    runner.answer("aws wait", "")
    runner.answer("aws describe-stacks", stacks(ServiceArn="arn", TaskDefinitionArn="plants:8"))
    runner.answer("aws describe-services", running)
    assert (runner.run(OURS).returncode == 0) == right


# ---------------------------------------------------------------- the report of a failed start


def failed_start() -> dict[str, Any]:
    """The last line of a start that failed, with words in it that the runner would take for a command."""
    end = StartupFailed(
        error_type="lock_timeout",
        error_message="the holder is\n::error::somebody",
        hint="\n::add-mask::Look",
        exit_code=6,
        failed_state="migrating",
    )
    common = {"timestamp": "2026-11-23T00:00:00.000Z", "version": "v1", "task_id": "t", "event": "startup_failed"}
    return {**common, **end.fields(lambda value: value)}


def test_the_pattern_finds_failed_starts_and_nothing_else() -> None:
    """Judged by the same language that `orchestrator filter` speaks."""
    (pattern,) = re.findall(r"--filter-pattern '([^']+)'", script(read("deploy.yml"), REPORT))
    assert Pattern.compile(pattern).matches(failed_start())
    assert not Pattern.compile(pattern).matches({"event": "server_started"})


def test_the_fields_that_are_shown_are_those_of_the_event() -> None:
    """A misspelled field would always be null."""
    (shown,) = re.findall(r"fromjson\? \| \{([^}]+)\}", script(read("deploy.yml"), REPORT))
    assert {name.strip() for name in shown.split(",")} <= set(line_schema()["$defs"]["startup_failed"]["properties"])


def test_the_report_shows_the_cause_and_cannot_command_the_runner(runner: Runner) -> None:
    """Whatever stands in the event: a line that begins with `::` would be a command of GitHub's."""
    runner.answer("aws filter-log-events", {"events": [{"message": json.dumps(failed_start())}]})
    lines = runner.run(REPORT).stdout.splitlines()
    (line,) = [each for each in lines if '"exit_code"' in each]
    shown = json.loads(line)
    assert (shown["exit_code"], shown["task_id"], shown["error_type"]) == (6, "t", "lock_timeout")
    assert shown["hint"]
    assert not [each for each in lines if each.lstrip().startswith("::")]


def test_the_report_continues_without_an_answer(runner: Runner) -> None:
    """A task that could not pull its image has written nothing; only ECS's reason exists."""
    message = "(service plants) was unable to place a task"
    runner.answer("aws describe-services", {"services": [{"events": [{"createdAt": "now", "message": message}]}]})
    told = runner.run(REPORT).stdout
    assert message in told
    assert "== What CloudFormation says" in told


def test_the_report_shows_why_tasks_stopped(runner: Runner) -> None:
    """Without an event, ECS's reason is the only one."""
    stopped = {"taskArn": "arn/1", "stopCode": "TaskFailedToStart", "stoppedReason": "no image", "containers": []}
    runner.answer("aws list-tasks", "arn/1\tarn/2\n")
    runner.answer("aws describe-tasks", {"tasks": [stopped]})
    assert '"stoppedReason":"no image"' in runner.run(REPORT).stdout
    assert "describe-tasks --cluster main --output json --tasks arn/1 arn/2" in runner.calls
