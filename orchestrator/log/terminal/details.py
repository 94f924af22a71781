"""The details of a failure below its sentence: the faults, the SQL, what is done and what is left, and the cure."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from orchestrator.log.terminal.escapes import visible

_MOST = 12  # lines of SQL, or statements of a list, that are shown
_DOING = {"starting_app": "starting the app", "running_hook": "running a command of the project"}


def doing(fields: dict[str, Any]) -> str:
    """Return what a start did when it failed: its state, or more exactly its phase."""
    return _DOING.get(fields.get("failed_phase", ""), str(fields["failed_state"]))


def sentence(fields: dict[str, Any]) -> str:
    """Return the message without the faults, which `details` lists."""
    message = str(fields["message"])
    return message.partition(":")[0] + ":" if fields.get("faults") else message


def details(fields: dict[str, Any]) -> Iterator[str]:
    """Yield the lines, without indentation. The traceback is not among them."""
    for fault in fields.get("faults") or ():
        yield from _fault(fault)
    if fields.get("statement"):
        yield from _block(_heading(fields), _sql(fields["statement"]))
    for name, heading in (
        ("applied", "done, and still in the database:"),
        ("pending_statement", "begun; it is not known whether it ended:"),
        ("left", "not done:"),
    ):
        found = fields.get(name) or []
        yield from _block(heading, [_in_a_line(each) for each in ([found] if isinstance(found, str) else found)])
    if fields.get("hint"):
        yield f"→ {visible(fields['hint'])}"


def _sql(statement: str) -> list[str]:
    """Return the lines of a statement as it is written, without the space around it."""
    return visible(textwrap.dedent(statement.expandtabs(4)).strip(), lines=True).splitlines()


def _in_a_line(statement: str) -> str:
    return visible(" ".join(statement.split()))


def _fault(fault: dict[str, str]) -> Iterator[str]:
    yield f"{fault['variable']}: {visible(fault['problem'])}"
    if example := fault.get("example"):
        whole = re.match(r"[A-Z][A-Z0-9_]*=", example)  # where another variable is meant
        yield f"    for example: {example if whole else fault['variable'] + '=' + example}"


def _heading(fields: dict[str, Any]) -> str:
    index, revision = fields.get("statement_index"), fields.get("revision")
    return f"statement {index} of revision {revision}:" if index and revision else "statement:"


def _block(heading: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield heading
        yield from (f"    {line}" for line in lines[:_MOST])
    if len(lines) > _MOST:
        yield f"    ... {len(lines) - _MOST} more"
