"""The dashboard: does a start succeed, how long does it take, what does it wait for, and why did it fail.

Format: "Dashboard body structure and syntax" in the CloudWatch API reference; a grid of 24 columns.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.cloudwatch.alarms import ALARMS
from orchestrator.cloudwatch.intrinsics import Node, literal, sub
from orchestrator.cloudwatch.metrics import (
    BUGS,
    DATABASE_RETRIES,
    DEPLOYMENT_FAILED,
    LOCK_WAIT,
    MIGRATION_DURATION,
    NAMESPACE,
    REVISION_DURATION,
    REVISION_RETRIES,
    REVISIONS_APPLIED,
    STARTS,
    TIME_STARTING,
    TIME_TO_SERVING,
    Metric,
    failure,
)
from orchestrator.cloudwatch.queries import FAILED_STARTS, LAST_STARTS, WAITED_FOR, Query
from orchestrator.errors import DatabaseAheadTolerated, Failure, StartupFailed
from orchestrator.events import CATALOGUE

COLUMNS = 24
PERIOD_SECONDS = 60
_NAMESPACE = NAMESPACE["Fn::Sub"]
_REGION = "${AWS::Region}"


def dashboard() -> Node:
    """Return the AWS::CloudWatch::Dashboard, named after the stack."""
    widgets = ",\n".join(map(json.dumps, _placed(_rows())))
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": sub("${AWS::StackName}"),
            "DashboardBody": sub(f'{{"widgets": [\n{widgets}\n]}}\n'),
        },
    }


def _rows() -> Iterator[tuple[int, list[Node]]]:
    """Yield the height and the widgets of each row."""
    kinds = [kind for kind in CATALOGUE.values() if issubclass(kind, Failure) and kind is not StartupFailed]
    causes = [*map(failure, kinds), BUGS]
    starts = [STARTS, failure(StartupFailed), DEPLOYMENT_FAILED, failure(DatabaseAheadTolerated)]
    yield 2, [_alarms()]
    yield (
        6,
        [
            _graph("Starts", [_series(each, "Sum") for each in starts]),
            _graph("Failed starts by cause", [_series(each, "Sum") for each in causes], stacked=True),
        ],
    )
    slowest = [_series(each, "Maximum") for each in (MIGRATION_DURATION, REVISION_DURATION, LOCK_WAIT)]
    yield (
        6,
        [
            _graph("Until serving", [_series(TIME_TO_SERVING, "p50"), _series(TIME_STARTING, "Maximum")], "seconds"),
            _graph("Migrating", slowest, "seconds"),
        ],
    )
    yield (
        6,
        [
            _graph("Database not ready, by cause", [_series_by_dimension(DATABASE_RETRIES)], stacked=True),
            _graph("Revisions", [_series(REVISIONS_APPLIED, "Sum"), _series(REVISION_RETRIES, "Sum")], stacked=True),
        ],
    )
    yield from ((8, [_table(query)]) for query in (FAILED_STARTS, WAITED_FOR, LAST_STARTS))


def _placed(rows: Iterator[tuple[int, list[Node]]]) -> Iterator[Node]:
    y = 0
    for height, widgets in rows:
        width = COLUMNS // len(widgets)
        for index, widget in enumerate(widgets):
            yield {"x": index * width, "y": y, "width": width, "height": height, **widget}
        y += height


def _alarms() -> Node:
    arns = [f"${{{alarm.logical_id}.Arn}}" for alarm in ALARMS]
    return {"type": "alarm", "properties": {"title": "Alarms", "alarms": arns}}


def _graph(title: str, metrics: Sequence[Any], unit: str = "", *, stacked: bool = False) -> Node:
    properties = {
        "title": title,
        "region": _REGION,
        "view": "timeSeries",
        "stacked": stacked,
        "period": PERIOD_SECONDS,
        "yAxis": {"left": {"min": 0, "label": unit, "showUnits": False}},
        "metrics": metrics,
    }
    return {"type": "metric", "properties": properties}


def _series(metric: Metric, statistic: str) -> list[Any]:
    return [_NAMESPACE, metric.name, {"stat": statistic, "label": f"{metric.name} ({statistic})"}]


def _series_by_dimension(metric: Metric) -> list[Any]:
    """Return one line of the graph for each value of the metric's dimensions."""
    schema = ",".join([f'"{_NAMESPACE}"', *metric.dimensions])
    search = f"SEARCH('{{{schema}}} MetricName=\"{metric.name}\"', 'Sum', {PERIOD_SECONDS})"
    return [{"expression": search, "id": metric.name[0].lower() + metric.name[1:]}]


def _table(query: Query) -> Node:
    source = f"SOURCE '${{LogGroupName}}' | {literal(query.text)}"
    properties = {"title": query.name, "region": _REGION, "view": "table", "query": source}
    return {"type": "log", "properties": properties}
