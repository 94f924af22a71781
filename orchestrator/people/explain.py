"""The runbook offline: the section about an exit code or an event, for a person who has only the container.

The wheel has a copy of docs/runbook.md; `python -m orchestrator.cloudwatch.runbook` renews it.
"""

import difflib
import re
import sys
from importlib.resources import files

from orchestrator.documentation.manual import failures
from orchestrator.people.columns import columns
from orchestrator.people.markdown import for_terminal, plain

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_QUOTATION = re.compile(r"\A\s*> \*\*(?:Exit code ([^*]+?)|No exit code)\.?\*\*(?:, or none:)?( Alarm [^.]+\.)?(.*)")

_LAST = "1000"  # the topics without an exit code go below those that have one


def explain(topic: str) -> str:
    """Return what the runbook has about an exit code, an event or an alarm; without a topic, a list of all topics.

    Raises:
        LookupError: there is no such section; the message names the closest one.
    """
    sections = _sections()
    if not topic:
        return _contents(sections)
    found = [name for name, body in sections.items() if _alike(topic) == _alike(name) or topic in _codes(body)]
    if not found:
        raise LookupError(_unknown(topic, sections))
    text = "\n\n".join(f"## {name}\n\n{sections[name].strip()}" for name in found) + "\n"
    return for_terminal(text) if sys.stdout.isatty() else text


def _sections() -> dict[str, str]:
    text = files("orchestrator.documentation").joinpath("runbook.md").read_text(encoding="utf-8")
    _, *pieces = _HEADING.split(text)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def _contents(sections: dict[str, str]) -> str:
    rows = [("EXIT CODE", "TOPIC", "MEANING")]
    rows += [
        (", ".join(_codes(body)), _anchor(name), _meaning(body))
        for name, body in sorted(sections.items(), key=lambda each: int((_codes(each[1]) or [_LAST])[0]))
    ]
    return "\n".join([*columns(rows), "", "`orchestrator explain TOPIC` prints that section of the runbook."]) + "\n"


def _meaning(body: str) -> str:
    """Return the meaning of a topic: for a failure by the catalogue, otherwise by the section's quotation."""
    known, codes = failures(), _codes(body)
    quoted = _QUOTATION.match(body)
    text = known.get(int(codes[0]), "") if len(codes) == 1 else ""
    text = text or (plain(quoted[3]).lstrip(".:, ") if quoted else "")
    return (text[:1].upper() + text[1:]).partition(". ")[0].rstrip(".")


def _codes(body: str) -> list[str]:
    """Return the exit codes that a section is about."""
    quoted = _QUOTATION.match(body)
    return re.findall(r"\d+", quoted[1] or "") if quoted else []


def _alike(name: str) -> str:
    """Return a topic as it may be typed: alarms are spelt with hyphens."""
    return name.lower().replace("_", "-").replace(" ", "-")


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _unknown(topic: str, sections: dict[str, str]) -> str:
    if topic.isdigit():
        return f"the orchestrator never exits with {topic}. With `run`, it is the exit code of COMMAND."
    close = difflib.get_close_matches(topic.lower(), map(_anchor, sections), n=1)
    return f"the runbook has no section {topic!r}." + (f" Did you mean {close[0]!r}?" if close else "")
