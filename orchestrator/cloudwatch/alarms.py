"""The alarms: those that page people, each with its cure, and the one that ends a deployment.

A failed start counts for its minute. One such minute among the last three raises the alarm: at once, and without
flapping if a task fails repeatedly. No data is good, because an idle service writes no lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orchestrator.cloudwatch.intrinsics import TOPIC, Node, literal, ref, sub
from orchestrator.cloudwatch.metrics import (
    DEPLOYMENT_FAILED,
    NAMESPACE,
    STOPPED,
    TIME_STARTING,
    TOLERATED,
    Metric,
    failure,
)
from orchestrator.documentation.schema import meaning
from orchestrator.errors import Failure, LockTimeout, MigrationHalfApplied, StartupFailed
from orchestrator.events import CATALOGUE

PERIOD_SECONDS = 60
PERIODS = 3


_TOPIC = {"Fn::If": ["Notifies", [TOPIC], ref("AWS::NoValue")]}
_NOTIFICATIONS: Node = {"AlarmActions": _TOPIC, "OKActions": _TOPIC}


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm on one metric.

    Attributes:
        logical_id: Its name in the template.
        name: Its name after the name of the stack.
        description: What happened and what to do, for the notification; may contain `${...}`.
        metric: The metric that it watches.
        statistic: The statistic of each period.
        comparison: How the statistic is compared with the threshold.
        threshold: A number, or the parameter that has it.
        notifies: Whether it notifies the topic when it rises and when it is over.
    """

    logical_id: str
    name: str
    description: str
    metric: Metric
    statistic: str
    comparison: str
    threshold: Any
    notifies: bool = True

    def resource(self) -> Node:
        """Return the AWS::CloudWatch::Alarm."""
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": sub(f"${{AWS::StackName}}-{self.name}"),
                "AlarmDescription": sub(self.description),
                "Namespace": NAMESPACE,
                "MetricName": self.metric.name,
                "Statistic": self.statistic,
                "Period": PERIOD_SECONDS,
                "EvaluationPeriods": PERIODS,
                "DatapointsToAlarm": 1,
                "ComparisonOperator": self.comparison,
                "Threshold": self.threshold,
                "TreatMissingData": "notBreaching",
                **(_NOTIFICATIONS if self.notifies else {}),
            },
        }


def _on_failure(kind: type[Failure], told: str, threshold: Any = 1) -> Alarm:
    return Alarm(
        logical_id=f"{kind.__name__}Alarm",
        name=kind.name.replace("_", "-"),
        description=f"{literal(told)} Runbook: ${{Runbook}}#{kind.name}",
        metric=failure(kind),
        statistic="Sum",
        comparison="GreaterThanOrEqualToThreshold",
        threshold=threshold,
    )


def _on_cause(kind: type[Failure]) -> Alarm:
    """Return the alarm on a failure, with the cure from the catalogue."""
    return _on_failure(kind, f"{meaning(kind)} Exit code {kind.exits_with}. {kind.cure}")


def _codes(kinds: Iterable[type[Failure]]) -> str:
    return ", ".join(str(code) for code in sorted(kind.exits_with for kind in kinds))


def _causes() -> str:
    failures = [kind for kind in CATALOGUE.values() if issubclass(kind, Failure) and kind not in STOPPED]
    codes = {kind.exits_with: kind.name for kind in failures}
    return ", ".join(f"{code} {name}" for code, name in sorted((codes | {StartupFailed.exits_with: "bug"}).items()))


STARTUP_FAILED = _on_failure(
    StartupFailed,
    "A start failed. Its last line, `startup_failed`, has the cause and the hint; the saved query `Failed starts with "
    f"hint` shows them. Exit codes: {_causes()}.",
    ref("FailedStartsThreshold"),
)
START_SLOW = Alarm(
    logical_id="StartSlowAlarm",
    name="start-slow",
    description=(
        "A start takes or took longer than ${SlowStartSeconds} s. Its lines show what it waits for: the database, "
        "the migration lock, or a statement. Runbook: ${Runbook}#start-slow"
    ),
    metric=TIME_STARTING,
    statistic="Maximum",
    comparison="GreaterThanThreshold",
    threshold=ref("SlowStartSeconds"),
)
DEPLOYMENT = Alarm(
    logical_id="DeploymentFailedAlarm",
    name="deployment-failed",
    description=(
        "For the DeploymentAlarms of the ECS service: a start failed for a cause that ends a deployment. Exit codes "
        f"{_codes(TOLERATED)} do not: a rollback would stop the migration that runs in another task. It sends no "
        "notification; the alarm on failed starts does. "
        "Runbook: ${Runbook}#startup_failed"
    ),
    metric=DEPLOYMENT_FAILED,
    statistic="Sum",
    comparison="GreaterThanOrEqualToThreshold",
    threshold=1,
    notifies=False,
)
PAGING: tuple[Alarm, ...] = (STARTUP_FAILED, _on_cause(MigrationHalfApplied), _on_cause(LockTimeout), START_SLOW)
ALARMS: tuple[Alarm, ...] = (DEPLOYMENT, *PAGING)
