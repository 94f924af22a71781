"""`orchestrator check`: checks settings, app and revisions without a database, for CI and for the build of an image."""

from typing import Literal

from orchestrator.errors import EXIT_OK
from orchestrator.people import answers
from orchestrator.people.check import output
from orchestrator.people.check.checking import Check
from orchestrator.people.check.model import Report
from orchestrator.people.session import Answer, begun, explained
from orchestrator.runtime.stop import Stop

Form = Literal["text", "json", "github", "sarif"]
FINDINGS = 1
_WRITERS = {"text": output.text, "json": output.as_json, "github": output.github, "sarif": output.sarif}


def check(stop: Stop, form: Form, *, dialect: str, since: str) -> int:
    """Print the faults and the dangerous operations.

    Returns:
        0; the code of the first failure, as of a start; otherwise 1 for findings.
    """

    def work() -> Answer:
        report = Check(begun("check", stop), dialect, since).report()
        code = report.failures[0].exit_code if report.failures else FINDINGS if report.findings else EXIT_OK
        return Answer(_WRITERS[form](report), code)

    return explained(work)


def schema() -> str:
    """Return the JSON Schema of `check --format json`."""
    return answers.schema(Report, "The answer of `orchestrator check --json`")
