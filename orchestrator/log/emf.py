"""Durations as CloudWatch metrics without any filter: the embedded metric format, in the line of the event itself.

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
    """The members that make a line a metric as well, values and dimensions among them; none without a finite value.

    Args:
        metrics: Seconds by the metric's name.
        namespace: Where CloudWatch puts the metrics.
        dimensions: Fields of the line by whose values the metric is parted; an empty or impossible value is left out.
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
    """The fields that must stay complete for the line to be a valid metric; only our own lines have any."""
    directives = fields.get(MEMBER, {}).get("CloudWatchMetrics", [])
    named = {metric["Name"] for directive in directives for metric in directive["Metrics"]}
    return {MEMBER} | named | {name for directive in directives for names in directive["Dimensions"] for name in names}


def _is_dimension(value: str) -> bool:
    """CloudWatch takes ASCII only, and no colon in front (API_Dimension of its reference)."""
    return value != "" and value.isascii() and not value.startswith(":")
