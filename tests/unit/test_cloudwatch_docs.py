"""docs/cloudwatch.md lists what the template has; a table that differs is shown as it should be."""

from collections.abc import Iterable
from pathlib import Path

from orchestrator.cloudwatch.alarms import ALARMS
from orchestrator.cloudwatch.metrics import METRICS, Metric
from orchestrator.cloudwatch.parameters import PARAMETERS
from orchestrator.cloudwatch.queries import QUERIES

TEXT = (Path(__file__).parents[2] / "docs" / "cloudwatch.md").read_text(encoding="utf-8")


def _table(*heads: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _published(metric: Metric) -> str:
    if metric.dimensions:
        return f"by `{', '.join(metric.dimensions)}`"
    return f"{metric.default} otherwise" if metric.default is not None else ""


def test_the_metrics_are_listed() -> None:
    """With the pattern, to try it."""
    rows = (
        (f"`{each.name}`", each.meaning, f"`{each.pattern}`", f"`{each.value}`", _published(each)) for each in METRICS
    )
    assert _table("metric", "meaning", "filter pattern", "value", "published", rows=rows) in TEXT


def test_the_alarms_are_listed() -> None:
    """By the name that they have behind the stack's."""
    for alarm in ALARMS:
        assert f"| `-{alarm.name}` | `{alarm.metric.name}`" in TEXT


def test_the_queries_are_listed() -> None:
    """By the name that the console shows."""
    for query in QUERIES:
        assert f"| {query.name} |" in TEXT


def test_the_parameters_are_listed() -> None:
    """With their defaults."""
    rows = (
        (f"`{name}`", f"`{each['Default']}`" if each["Default"] != "" else "-", each["Description"])
        for name, each in PARAMETERS.items()
    )
    assert _table("parameter", "default", "meaning", rows=rows) in TEXT
