"""The catalogue of events: one class per event, and the only way to report that something happened.

An event is data. Its class gives the name (in snake_case), the level, the outcome, the sentence and the fields with
their meanings; documentation and tests are generated from the class. `emit` passes an instance to its listeners: the
log (see `orchestrator.log`), the status that the port shows, or a list in a test.

To add one: a class in the module of its phase (in `errors`, if it ends the process) and a call of `emit`. Names and
fields are public interface, because alarms filter on them: see section 6 of the contract, kept in docs/events.md.
"""

# In the order of a start, which is the order of the documentation:
# isort: skip_file

from orchestrator.events.event import CATALOGUE, Emit, Event, Outcome, Unit, catalogued, described, seconds
from orchestrator.events.process import ProcessStarted, ProcessStopped, StateChanged, StopRequested
from orchestrator.events.waiting import (
    AppDatabaseReady,
    AppDatabaseUnknown,
    DatabaseEmbedded,
    DatabaseReady,
    DatabaseRetryScheduled,
    DependencyReady,
    DependencyRetryScheduled,
)
from orchestrator.events.migrating import (
    ChecksumChanged,
    LockAcquired,
    LockReleased,
    LockWaiting,
    MigrationEvent,
    MigrationInterrupted,
    MigrationsCompleted,
    MigrationsCurrent,
    MigrationsPlanned,
    RevisionApplied,
    RevisionProgress,
    RevisionResumed,
    RevisionRetryScheduled,
    RevisionStarted,
)
from orchestrator.events.hooks import HOOK_HELP, HookCompleted, HookProgress, HookStarted
from orchestrator.events.serving import AppImportHeld, AppLoaded, CommandStarted, Request, ServerDrained, ServerStarted

__all__ = [
    "CATALOGUE",
    "HOOK_HELP",
    "AppDatabaseReady",
    "AppDatabaseUnknown",
    "AppImportHeld",
    "AppLoaded",
    "ChecksumChanged",
    "CommandStarted",
    "DatabaseEmbedded",
    "DatabaseReady",
    "DatabaseRetryScheduled",
    "DependencyReady",
    "DependencyRetryScheduled",
    "Emit",
    "Event",
    "HookCompleted",
    "HookProgress",
    "HookStarted",
    "LockAcquired",
    "LockReleased",
    "LockWaiting",
    "MigrationEvent",
    "MigrationInterrupted",
    "MigrationsCompleted",
    "MigrationsCurrent",
    "MigrationsPlanned",
    "Outcome",
    "ProcessStarted",
    "ProcessStopped",
    "Request",
    "RevisionApplied",
    "RevisionProgress",
    "RevisionResumed",
    "RevisionRetryScheduled",
    "RevisionStarted",
    "ServerDrained",
    "ServerStarted",
    "StateChanged",
    "StopRequested",
    "Unit",
    "catalogued",
    "described",
    "seconds",
]
