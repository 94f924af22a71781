"""The results of a run as data: benchmarks/results.json, from which the page and the picture are made."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.row import Goal, Result, Row, Unit

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Missing:
    """A row without a figure, and why."""

    number: int
    what: str
    reason: str


def record(result: Result) -> dict[str, Any]:
    """Return a result for the file, without digits that mean nothing."""
    row = result.row
    unit = row.of if row.unit is Unit.RATIO else row.unit
    return {
        "number": row.number,
        "what": row.what,
        "against": row.other.partition(":")[0].partition(",")[0],
        "ours": figure(result.medians[row.one], unit),
        "theirs": figure(result.medians[row.other], unit) if row.other else "",
        "figure": figure(result.value, row.unit),
        "quartiles": [figure(each, row.unit) for each in result.quartiles],
        "goal": goal(row),
        "reached": result.reached,
        "statistic": "worst" if row.worst else "median",
        "rounds": result.rounds,
        "value": round(result.value, 5),
        "spread": [round(each, 5) for each in result.quartiles],
        "limit": row.limit if row.goal is not Goal.NONE else None,
        "sense": row.goal.name.lower(),
        "medians": {name: round(value, 5) for name, value in result.medians.items()},
    }


def figure(value: float, unit: Unit) -> str:
    """Return a value as it is read."""
    digits = {Unit.RATIO: 2, Unit.SECONDS: 3, Unit.MILLISECONDS: 1, Unit.MEGABYTES: 1, Unit.RATE: 0, Unit.COUNT: 0}[
        unit
    ]
    return f"{value:.{digits}f} {unit}".strip()


def goal(row: Row) -> str:
    """Return the goal as it is read; of a figure for the record, nothing."""
    if row.goal is Goal.NONE:
        return ""
    return f"{row.goal.value} {row.limit:g} {row.unit}".strip()


def write(
    about: dict[str, Any], results: Sequence[Result], missing: Sequence[Missing], *, merge: bool, path: Path = FILE
) -> None:
    """Write a run; merged, it replaces the rows that it measured in the file and leaves the other rows."""
    rows = [record(each) | {"date": about["date"], "commit": about["commit"]} for each in results]
    not_run = [{"number": each.number, "what": each.what, "reason": each.reason} for each in missing]
    if merge and path.exists():
        about, measured = read(path), {each["number"] for each in rows}
        rows += [each for each in about["rows"] if each["number"] not in measured]
        known = {each["number"] for each in (*rows, *about["not_run"])}
        not_run = [each for each in not_run if each["number"] not in known]
        not_run += [each for each in about["not_run"] if each["number"] not in measured]
    kept = {"rows": sorted(rows, key=_number), "not_run": sorted(not_run, key=_number)}
    path.write_text(json.dumps({**about, **kept}, indent=2, ensure_ascii=False) + "\n")


def other_runs(results: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each run whose rows were merged into the whole run.

    A row without a date or a commit is of the whole run: files from before November 2026 have none.
    """
    whole = (results["date"], results["commit"])
    of_run: dict[tuple[str, str], list[int]] = {}
    for row in results["rows"]:
        of_run.setdefault((row.get("date", whole[0]), row.get("commit", whole[1])), []).append(_number(row))
    return [
        f"{_rows(numbers)} measured {date} at commit `{commit}`"
        for (date, commit), numbers in sorted(of_run.items())
        if (date, commit) != whole
    ]


def _rows(numbers: Sequence[int]) -> str:
    """Return `Row 1 was` or `Rows 1, 3 were`; a number may have several lines."""
    once = [str(number) for number, _ in itertools.groupby(sorted(numbers))]
    return f"Rows {', '.join(once)} were" if len(once) > 1 else f"Row {once[0]} was"


def _number(row: dict[str, Any]) -> int:
    return int(row["number"])


def read(path: Path = FILE) -> dict[str, Any]:
    """Return the last whole run."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found
