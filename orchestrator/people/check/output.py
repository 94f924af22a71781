"""The report as text, as JSON, as annotations of GitHub, and as SARIF (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

import json
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from orchestrator.people import answers
from orchestrator.people.check.model import Finding, Report
from orchestrator.people.columns import facts

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_SHOWN = 10  # revisions that are named as not judged
as_json = answers.as_json


def text(report: Report) -> str:
    """Return the report as text for people."""
    lines = [*_failures(report)]
    for (path, revision), found in groupby(report.findings, key=lambda each: (each.path, each.revision)):
        lines += [f"{path} ({revision})"]
        for each in found:
            lines += [*_finding(each), ""]
    lines += [*_notes(report), _summary(report)]
    return "\n".join(lines) + "\n"


def _failures(report: Report) -> Iterator[str]:
    for each in report.failures:
        yield from facts([("failed", each.message), ("", each.hint)])
        yield ""


def _finding(each: Finding) -> Iterator[str]:
    where = f"line {each.line}" if each.line else "the revision"
    yield f"  {where}: {each.severity}: {each.code}"
    if each.statement:
        yield from facts([("", each.statement)], indent="  ")
    yield from facts([("", f"{each.message} {each.cure}"), ("", each.manual)], indent="  ")


def _notes(report: Report) -> Iterator[str]:
    for each in report.notes:
        yield from facts([("note", each)])
    for one in report.unjudged[:_SHOWN]:
        where = f"{one.path}:{one.line}" if one.line else one.path
        yield from facts([("note", f"{where} is not judged in full: {one.problem}")])
    if (more := len(report.unjudged) - _SHOWN) > 0:
        yield f"note  {_count(more, 'more revision')} not judged in full: --format json names them"


def _summary(report: Report) -> str:
    errors = sum(each.severity == "error" for each in report.findings)
    judged = f"{_count(report.revisions, 'revision')} judged for {report.dialect or 'no database'}"
    warnings = _count(len(report.findings) - errors, "warning")
    told = f"{judged}: {_count(errors, 'error')}, {warnings}, {report.allowed} allowed"
    return f"{told}; {_count(len(report.failures), 'failure')}" if report.failures else told


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def github(report: Report) -> str:
    """Return commands of GitHub's workflows, which annotate the lines of a pull request.

    See https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions.
    """
    lines = [f"::error title=orchestrator check::{_escaped(f'{each.message} {each.hint}')}" for each in report.failures]
    for found in report.findings:
        place = f"file={_property(_in_repository(found.path))},line={found.line or 1},title={_property(found.code)}"
        lines.append(f"::{found.severity} {place}::{_escaped(f'{found.message} {found.cure} {found.manual}')}")
    return "".join(f"{line}\n" for line in lines)


def _in_repository(path: str) -> str:
    """Return a path relative to the root of the repository, as GitHub expects it."""
    root = os.environ.get("GITHUB_WORKSPACE", "")
    found = os.path.relpath(path, root) if root else path
    return path if found.startswith("..") else Path(found).as_posix()


def _escaped(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _escaped(words).replace(":", "%3A").replace(",", "%2C")


def sarif(report: Report) -> str:
    """Return the report for code scanning. It has only the findings, because a failure has no line."""
    rules = {each.code: each for each in report.findings}
    run = {
        "tool": {"driver": {"name": "orchestrator check", "rules": [_rule(each) for each in rules.values()]}},
        "results": [_result(each) for each in report.findings],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(found: Finding) -> dict[str, Any]:
    return {"id": found.code, "helpUri": found.manual, "shortDescription": {"text": found.cure or found.code}}


def _result(found: Finding) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": _in_repository(found.path)}, "region": {"startLine": found.line or 1}}
    return {
        "ruleId": found.code,
        "level": found.severity,
        "message": {"text": f"{found.message} {found.cure}"},
        "locations": [{"physicalLocation": place}],
    }
