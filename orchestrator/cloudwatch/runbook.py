"""The skeleton of docs/runbook.md: one section per exit code and alarm, with its data from the catalogue.

The heading of a section is the name of its event or alarm, because alarm descriptions link to that anchor. The
quotation below the heading is generated; people write the rest, and it is kept.
`python -m orchestrator.cloudwatch.runbook` updates the file: it renews the quotations, appends an empty section for
each missing one, and copies the page into the package for `orchestrator explain`.
"""

import re
from pathlib import Path

from orchestrator.cloudwatch.alarms import PAGING, Alarm
from orchestrator.cloudwatch.metrics import STOPPED
from orchestrator.documentation.schema import meaning
from orchestrator.errors import EXIT_OK, EXIT_USAGE, Failure, StartupFailed
from orchestrator.events import CATALOGUE

FILE = Path("docs/runbook.md")
COPY = Path("orchestrator/documentation/runbook.md")
"""The copy in the wheel."""
PARTS = ("Look", "Decide", "Do", "Do not")
"""What every section tells, in this order, each in a paragraph that begins with the word in bold."""

_SILENT = {
    "no-last-line": "**Exit code 137, 139 or 143**, or none: the process was ended from outside, and wrote no last "
    "line. EventBridge rule `TaskStoppedRule`.",
    "out-of-memory": "**Exit code 137**, reason `OutOfMemoryError`. EventBridge rule `TaskStoppedRule`.",
    "task-killed": "**Exit code 137, 139 or 143**: a signal ended the process, but not for lack of memory. EventBridge "
    "rule `TaskStoppedRule`.",
    "secret-unreadable": "**No exit code**, reason `ResourceInitializationError`. EventBridge rule `TaskStoppedRule`.",
    "image-pull": "**No exit code**, reason `CannotPullContainerError`. EventBridge rule `TaskStoppedRule`.",
    "deployment-failed": "**No exit code.** EventBridge rule `DeploymentFailedRule`, or a stack that does not end.",
}
"""Ends of which no event tells, and the rule of the observability stack that does."""

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_PARAMETER = re.compile(r"[$]{(\w+)}")
_QUOTATION = re.compile(r"\A\n*(?:> .*\n)*\n*")


def anchor(alarm: Alarm) -> str:
    """Return the anchor in the runbook that the alarm's description links to."""
    return alarm.description.rpartition("#")[2]


def facts() -> dict[str, str]:
    """Return the generated quotation of each section, by heading."""
    failures = [kind for kind in CATALOGUE.values() if issubclass(kind, Failure)]
    known = {kind.name: _of_failure(kind) for kind in sorted(failures, key=lambda kind: kind.exits_with)}
    known |= {anchor(alarm): _of_alarm(alarm) for alarm in PAGING if anchor(alarm) not in known}
    known["exit-0"] = f"**Exit code {EXIT_OK}.** Stopped as asked, or the command is done. Event `process_stopped`."
    usage = "The command line is wrong: `startup_failed` and one line on standard error say why."
    known["exit-64"] = f"**Exit code {EXIT_USAGE}.** {usage}"
    return known | _SILENT


def renewed(text: str) -> str:
    """Return the runbook with current quotations and missing sections appended; text that people wrote stays."""
    known = facts()
    head, *pieces = _HEADING.split(text)
    written = dict(zip(pieces[::2], pieces[1::2], strict=True))
    sections = {name: _QUOTATION.sub("", body) for name, body in written.items()}
    sections |= {name: _empty() for name in known if name not in sections}
    told = (f"## {name}\n\n{_quoted(known.get(name, ''))}{body}" for name, body in sections.items())
    return head + "".join(told)


def _of_failure(kind: type[Failure]) -> str:
    code = f"**Exit code {kind.exits_with}.**"
    if kind is StartupFailed:
        code = f"**Exit code {kind.exits_with}** when `error_type` is `bug`; else that of the event before it."
    alarms = [alarm for alarm in PAGING if anchor(alarm) == kind.name] or [_general()]
    notice = "No alarm." if kind in STOPPED else f"Alarm {', '.join(f'`…-{alarm.name}`' for alarm in alarms)}."
    return f"{code} {notice} {meaning(kind)} Its `hint`, if nothing better is known: {kind.cure}"


def _of_alarm(alarm: Alarm) -> str:
    told = _PARAMETER.sub(r"`\1`", alarm.description.partition(" Runbook:")[0])
    return f"**No exit code.** Alarm `…-{alarm.name}`. {told}"


def _general() -> Alarm:
    return next(alarm for alarm in PAGING if anchor(alarm) == StartupFailed.name)


def _quoted(fact: str) -> str:
    return f"> {fact}\n\n" if fact else ""


def _empty() -> str:
    return "".join(f"**{part}:** to be written.\n\n" for part in PARTS)


if __name__ == "__main__":
    page = renewed(FILE.read_text(encoding="utf-8"))
    for file in (FILE, COPY):
        file.write_text(page, encoding="utf-8")
