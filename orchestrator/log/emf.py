"""Durations as CloudWatch metrics without filters: the embedded metric format (EMF), inside the event's line.

The members and their limits:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

MEMBER = "_aws"
_EPOCH = datetime.fromtimestamp(0, UTC)


def embedded(
    metrics: Mapping[str, float], namespace: str, dimensions: Mapping[str, str], happened: datetime
) -> dict[str, Any]:
    """Return the members that make a line a metric, including values and dimensions; empty without a finite value.

    Args:
        metrics: Seconds by the metric's name.
        namespace: CloudWatch's namespace for the metrics.
        dimensions: Fields of the line that become dimensions; an empty or impossible value is omitted.
        happened: The time of the event.
    """
    values = {name: value for name, value in metrics.items() if math.isfinite(value)}
    if not values:
        return {}
    possible = {name: value for name, value in dimensions.items() if _is_dimension(value)}
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(possible)],
        "Metrics": [{"Name": name, "Unit": "Seconds"} for name in values],
    }
    milliseconds = (happened - _EPOCH) // timedelta(milliseconds=1)
    return {MEMBER: {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, **possible, **values}


def members(fields: Mapping[str, Any]) -> set[str]:
    """Return the fields that must stay complete for the line to be a valid metric; only our own lines have any."""
    directives = fields.get(MEMBER, {}).get("CloudWatchMetrics", [])
    named = {metric["Name"] for directive in directives for metric in directive["Metrics"]}
    return {MEMBER} | named | {name for directive in directives for names in directive["Dimensions"] for name in names}


def _is_dimension(value: str) -> bool:
    """Return whether CloudWatch accepts the value: ASCII only, without a leading colon (API_Dimension)."""
    return value != "" and value.isascii() and not value.startswith(":")
