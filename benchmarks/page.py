"""The table of docs/benchmarks.md, made from the results between two marks of the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.conditions import QUIET
from benchmarks.results import other_runs

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: made by `make bench` -->\n", "<!-- end of results -->\n"
_HEAD = ("row", "measured", "ours", "beside", "figure", "quartiles", "goal", "reached")
_REACHED = {True: "yes", False: "**no**", None: ""}


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row of the results as it is read."""
    return (
        str(row["number"]),
        str(row["what"]),
        str(row["ours"]),
        f"{row['theirs']} ({row['against']})" if row["theirs"] else "",
        str(row["figure"]),
        f"{row['quartiles'][0].partition(' ')[0]} to {row['quartiles'][1]}",
        str(row["goal"]),
        _REACHED[row["reached"]],
    )


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the table for a terminal."""
    table = [_HEAD, *(cells(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    padded = ("  ".join(map(str.ljust, each, widths)) for each in table)
    return [each.replace("**no**", "NO").rstrip() for each in padded]


def table(results: dict[str, Any]) -> str:
    """Return the table and the conditions of the run as Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(cells(row) for row in results["rows"])]
    parts = ["\n".join(f"| {' | '.join(each)} |" for each in rows), _conditions(results)]
    notes = [*other_runs(results), *(f"Row {each['number']} was not run ({each['reason']})" for each in _once(results))]
    if notes:
        parts.append("\n".join(f"* {each}." for each in notes))
    return "\n\n".join(parts) + "\n"


def _once(results: dict[str, Any]) -> list[dict[str, Any]]:
    return list({(each["number"], each["reason"]): each for each in results["not_run"]}.values())


def _conditions(results: dict[str, Any]) -> str:
    machine, others = results["machine"], results["others"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    warning = (
        f"**Not on a quiet machine**, so these figures mean little: {others['during']:.0%} of it was used by others. "
    )
    return (warning if others["during"] > QUIET else "") + (
        f"Measured {results['date']} at commit `{results['commit']}` in {results['seconds'] / 60:.0f} minutes, at most "
        f"{results['rounds']} rounds. {machine['cores']} cores of {machine['processor']}, {machine['memory']}, "
        f"{machine['system']}; others used {others['before']:.0%} of the machine before the run and "
        f"{others['during']:.0%} during it.\n{versions}."
    )


def replaced(page: str, results: dict[str, Any]) -> str:
    """Return the page with the table of these results."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"


def write(results: dict[str, Any]) -> None:
    """Put the results on the page."""
    PAGE.write_text(replaced(PAGE.read_text(), results))
