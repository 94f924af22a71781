"""The benchmarks: their page and picture are those of the results, and every row of the comparison has a module.

No time is asserted here: that is for `make bench` on a quiet machine.
"""

import json
from pathlib import Path

import pytest

from benchmarks import page, picture, results
from benchmarks.registry import GROUPS
from benchmarks.row import Goal, Result, Row, Samples, Unit

ROWS = {row.number for group in GROUPS.values() for row in group.rows}
FOUND = results.read()


def test_every_row_of_the_comparison_has_a_module() -> None:
    """Seventeen rows were promised; a module that the registry does not name is never run."""
    modules = {file.stem for file in Path("benchmarks/rows").glob("*.py")}
    assert set(range(1, 18)) == ROWS
    assert modules == set(GROUPS)


def test_each_row_is_in_the_results_with_a_figure_or_a_reason() -> None:
    """A row that quietly disappears looks like one that was reached."""
    assert {each["number"] for each in (*FOUND["rows"], *FOUND["not_run"])} == ROWS


def test_the_page_and_the_picture_are_those_of_the_results() -> None:
    """A figure that somebody typed cannot be repeated; `make bench` writes all three."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.replaced(text, FOUND) == text
    assert picture.FILE.read_text(encoding="utf-8") == picture.drawn(FOUND)


def test_rows_of_another_run_are_named_with_its_commit(tmp_path: Path) -> None:
    """A figure of an older commit that looks like one of today misleads; old files name no commit for each row."""
    file = tmp_path / "results.json"
    whole = {name: FOUND[name] for name in ("machine", "versions", "others", "rounds", "seconds")}
    old = [{name: row[name] for name in row if name not in {"date", "commit"}} for row in FOUND["rows"]]
    file.write_text(json.dumps({**whole, "date": "yesterday", "commit": "aaaaaaa", "rows": old, "not_run": []}))
    assert results.other_runs(results.read(file)) == []
    result = Row(10, "", "ours", goal=Goal.NONE).result(SAMPLES)
    results.write(whole | {"date": "today", "commit": "bbbbbbb"}, [result], [], merge=True, path=file)
    (told,) = results.other_runs(results.read(file))
    assert told == "Row 10 was measured today at commit `bbbbbbb`"
    assert "at commit `aaaaaaa` in" in page.table(results.read(file))
    assert f"* {told}." in page.table(results.read(file))
    assert "Row 10 was measured today at commit bbbbbbb" in picture.drawn(results.read(file))


def test_the_page_explains_each_row() -> None:
    """A ratio means nothing to a reader who does not know what was divided by what."""
    text = page.PAGE.read_text(encoding="utf-8").partition("## What the rows mean")[2]
    explained = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    assert {int(number) for each in explained for number in each.split(",") if number.strip().isdigit()} == ROWS


SAMPLES: Samples = {"ours": [1.0, 4.0, 9.0], "theirs": [2.0, 4.0, 3.0]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row(1, "", "ours", "theirs", 1.0), (1.0, True)),  # of 0.5, 1 and 3: the ratio is taken within a round
        (Row(1, "", "ours", "theirs", 1.1, goal=Goal.AT_LEAST), (1.0, False)),
        (Row(1, "", "ours", "theirs", 0.1, unit=Unit.SECONDS), (0.0, True)),
        (Row(1, "", "ours", limit=4.0, unit=Unit.SECONDS), (4.0, True)),
        (Row(1, "", "ours", limit=4.0, unit=Unit.SECONDS, worst=True), (9.0, False)),
        (Row(1, "", "ours", unit=Unit.SECONDS, goal=Goal.NONE), (4.0, None)),
    ],
)
def test_a_row_compares_round_by_round_and_takes_the_median_or_the_worst(
    row: Row, expected: tuple[float, bool | None]
) -> None:
    """A wrong statistic would reach every goal."""
    found: Result = row.result(SAMPLES)
    assert (found.value, found.reached) == expected
