"""The metrics that CloudWatch derives from the log lines: each is a metric filter, generated from the catalogue.

CloudFormation allows a filter a default value or dimensions, but not both. So there are three kinds. A count that an
alarm watches is 0 in each minute that has lines: on a series with gaps, an alarm keeps its last state. A duration has
no default, because a zero would be wrong. All others are published when they occur, and cost nothing until then.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from orchestrator.cloudwatch.intrinsics import Node, ref, sub
from orchestrator.documentation.schema import forms, meaning
from orchestrator.errors import (
    Failure,
    LockTimeout,
    MigrationHalfApplied,
    MigrationStopped,
    SettingsInvalid,
    StartupFailed,
)
from orchestrator.events import (
    CATALOGUE,
    DatabaseRetryScheduled,
    Event,
    LockWaiting,
    MigrationsCompleted,
    ProcessStarted,
    RevisionApplied,
    RevisionRetryScheduled,
    ServerStarted,
)
from orchestrator.runtime.lifecycle import State

NAMESPACE = sub("${MetricNamespace}/${AWS::StackName}")
"""Of one stack only: without dimensions, the failures of two services would add up to one metric."""

LOG_GROUP: Node = {"Fn::If": ["CreatesLogGroup", ref("LogGroup"), ref("LogGroupName")]}
"""The name of the log group; where this stack creates it, whatever uses the name is created after it."""

WATCHED = frozenset({StartupFailed, MigrationHalfApplied, LockTimeout})
"""The failures that have an alarm."""

STOPPED = frozenset({MigrationStopped})
"""Starts that were stopped as asked; the next start goes on. No reason for an alarm."""

TOLERATED = STOPPED | {LockTimeout}
"""Failures that do not end a deployment: a rollback would stop the migration that goes on in another task."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric filter and the metric that it publishes.

    Attributes:
        name: The metric's name.
        meaning: A sentence about the metric.
        pattern: The lines that it matches.
        value: A number, or `$.` and the name of a field.
        unit: CloudWatch's unit.
        dimensions: Fields that every matched line has, and whose values become dimensions.
        default: The value of a minute whose lines do not match.
    """

    name: str
    meaning: str
    pattern: str
    value: str = "1"
    unit: Literal["Count", "Seconds"] = "Count"
    dimensions: tuple[str, ...] = ()
    default: int | None = None

    @property
    def logical_id(self) -> str:
        """Return the filter's name in the template."""
        return f"{self.name}Filter"

    def resource(self) -> Node:
        """Return the AWS::Logs::MetricFilter. CloudFormation names it, so it cannot collide with another stack's."""
        transformation: Node = {
            "MetricNamespace": NAMESPACE,
            "MetricName": self.name,
            "MetricValue": self.value,
            "Unit": self.unit,
        }
        if self.dimensions:
            transformation["Dimensions"] = [{"Key": field, "Value": f"$.{field}"} for field in self.dimensions]
        if self.default is not None:
            transformation["DefaultValue"] = self.default
        return {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": LOG_GROUP,
                "FilterPattern": self.pattern,
                "MetricTransformations": [transformation],
            },
        }


def _is(field: str, *values: str) -> str:
    return " || ".join(f'$.{field} = "{value}"' for value in values)


def _event(*kinds: type[Event], also: str = "") -> str:
    """Return the pattern for lines of these events only."""
    names = _is("event", *(kind.name for kind in kinds))
    names = f"({names})" if also and len(kinds) > 1 else names
    return f"{{ {names} && {also} }}" if also else f"{{ {names} }}"


def _failed_start(without: Iterable[type[Failure]]) -> str:
    codes = sorted(kind.exits_with for kind in without)
    conditions = [_is("outcome", StartupFailed.outcome), *(f"$.exit_code != {code}" for code in codes)]
    return _event(StartupFailed, also=" && ".join(conditions))


STARTS = Metric(
    name="Starts",
    meaning="Started processes. Wrong settings end a process before it writes `process_started`.",
    pattern=_event(ProcessStarted, SettingsInvalid),
    default=0,
)
TIME_TO_SERVING = Metric(
    name="TimeToServing",
    meaning="From the start of the process until the app answers.",
    pattern=_event(ServerStarted),
    value="$.startup_seconds",
    unit="Seconds",
)
TIME_STARTING = Metric(
    name="TimeStarting",
    meaning="How long starts have lasted so far; each line of a start has the value.",
    pattern=f"{{ {_is('state', State.WAITING, State.MIGRATING)} || {_is('event', ServerStarted.name)} }}",
    value="$.elapsed_seconds",
    unit="Seconds",
)
DATABASE_RETRIES = Metric(
    name="DatabaseRetries",
    meaning="Failed connection attempts that are repeated, by cause.",
    pattern=_event(DatabaseRetryScheduled),
    dimensions=("error_type",),
)
LOCK_WAIT = Metric(
    name="LockWait",
    meaning="How long a start has waited for the migration lock, at each heartbeat and at the timeout.",
    pattern=_event(LockWaiting, LockTimeout),
    value="$.waited_seconds",
    unit="Seconds",
)
MIGRATION_DURATION = Metric(
    name="MigrationDuration",
    meaning="Migrations that applied a revision, including the wait for the lock.",
    pattern=_event(MigrationsCompleted, also="$.applied_count > 0"),
    value="$.duration_seconds",
    unit="Seconds",
)
REVISIONS_APPLIED = Metric(
    name="RevisionsApplied",
    meaning="Committed revisions.",
    pattern=_event(RevisionApplied),
)
REVISION_DURATION = Metric(
    name="RevisionDuration",
    meaning="From the start of a revision to its commit.",
    pattern=_event(RevisionApplied),
    value="$.duration_seconds",
    unit="Seconds",
)
REVISION_RETRIES = Metric(
    name="RevisionRetries",
    meaning="Statements that did not get their table lock in time and are repeated.",
    pattern=_event(RevisionRetryScheduled),
)
DEPLOYMENT_FAILED = Metric(
    name="DeploymentFailed",
    meaning="Failed starts that end a deployment: all except stopped ones and lock timeouts.",
    pattern=_failed_start(TOLERATED),
    default=0,
)
BUGS = Metric(
    name="Bugs",
    meaning="Starts that a bug of the orchestrator ended (exit code 1); they have no other event.",
    pattern=_event(StartupFailed, also=_is("error_type", "bug")),
)


def failure(kind: type[Failure]) -> Metric:
    """Return the metric that counts failed starts of this cause; the outcome excludes its milder form."""
    told, pattern = meaning(kind), _event(kind, also=_is("outcome", kind.outcome))
    if kind is StartupFailed:
        told, pattern = f"{told} Starts that were stopped during the migration do not count.", _failed_start(STOPPED)
    return Metric(name=kind.__name__, meaning=told, pattern=pattern, default=0 if kind in WATCHED else None)


def _failures() -> Iterator[Metric]:
    for kind in CATALOGUE.values():
        yield from (failure(form) for form in forms(kind) if issubclass(form, Failure))


METRICS: tuple[Metric, ...] = (
    STARTS,
    TIME_TO_SERVING,
    TIME_STARTING,
    DATABASE_RETRIES,
    LOCK_WAIT,
    MIGRATION_DURATION,
    REVISIONS_APPLIED,
    REVISION_DURATION,
    REVISION_RETRIES,
    *_failures(),
    DEPLOYMENT_FAILED,
    BUGS,
)
