"""The catalogue of events: one class an event, and the only way to say that something happened.

An event is data. Its class gives the name (in snake_case), the level, the outcome, the sentence and the fields
with their meanings; documentation and tests are made from the class. `emit` passes an instance to its listeners:
the log (see `orchestrator.log`), the status that the port tells, or a list in a test.

To add one: a class here (or in `errors`, when it ends the process) and a call of `emit`. Names and fields are public
interface, because alarms filter on them: see section 6 of the contract, kept in docs/events.md.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, dataclass_transform

from orchestrator.sentences import cleaned, said

Outcome = Literal["success", "failure", "unknown"]
Unit = Literal["", "seconds", "percent"]
E = TypeVar("E", bound="Event")

CATALOGUE: dict[str, type["Event"]] = {}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, as data."""

    name: ClassVar[str]
    level: ClassVar[int] = logging.INFO
    outcome: ClassVar[Outcome] = "unknown"
    sentence: ClassVar[str]

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        """Name the class and put it into the catalogue, unless it is only a base, or a milder form of its parent."""
        super().__init_subclass__(**kwargs)
        if getattr(cls, "name", "") in CATALOGUE:
            return
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        if not abstract:
            CATALOGUE[cls.name] = cls

    @property
    def message(self) -> str:
        """The sentence, with the data in it."""
        return said(self.sentence, self.fields())

    def fields(self, clean: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
        """Every field by name, also when it is empty: filters rely on it. Foreign text is `clean`ed."""
        kind: Any = type(self)  # mypy takes a class for what is hashed by its instances' __hash__
        return {
            name: cleaned(getattr(self, name), clean) if foreign else getattr(self, name)
            for name, foreign in _names(kind)
        }

    def metrics(self) -> dict[str, float]:
        """The values that CloudWatch may keep as metrics, by the metric's name; durations, in seconds."""
        return {each.metadata["metric"]: getattr(self, each.name) for each in fields(self) if each.metadata["metric"]}


@cache
def _names(kind: Any) -> list[tuple[str, bool]]:
    """The fields and whether they are foreign; each request is an event, and to ask a dataclass takes its time."""
    return [(each.name, each.metadata["foreign"]) for each in fields(kind)]


Emit: TypeAlias = Callable[[Event], None]


def described(text: str, *, foreign: bool = False, unit: Unit = "", metric: str = "", **kwargs: Any) -> Any:
    """A field with its meaning.

    Args:
        text: Its meaning, for the documentation.
        foreign: Its text comes from outside and may hold a secret.
        unit: What a number counts; empty for mere counts, numbers and texts.
        metric: The name of the CloudWatch metric that it is a value of, with ORCHESTRATOR_METRICS=emf.
        kwargs: As of `dataclasses.field`.
    """
    return field(metadata={"help": text, "foreign": foreign, "unit": unit, "metric": metric}, **kwargs)


def seconds(text: str, *, metric: str = "", **kwargs: Any) -> Any:
    """A field that is a duration."""
    return described(text, unit="seconds", metric=metric, **kwargs)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(described, seconds))
def catalogued(kind: type[E]) -> type[E]:
    """Make a class an event; mypy sees which fields it must be given, which it would not of a plain `dataclass`."""
    return dataclass(frozen=True, kw_only=True)(kind)


# ---------------------------------------------------------------- the process


@catalogued
class ProcessStarted(Event):
    """The process runs and its settings are valid; nothing has been touched yet."""

    sentence = "Started `{command}` as process {pid}, with Python {python_version}."

    python_version: str = described("such as 3.13.1")
    pid: int = described("process id; process 1 of a container is its init, see docs/image.md")
    command: str = described("serve, migrate or wait")


@catalogued
class StateChanged(Event):
    """The state machine moved; the new state is the event's `state`."""

    sentence = "The state changed from {previous_state} to {state}."

    previous_state: str = described("the state before")
    state: str = described("the state from now on")


@catalogued
class StopRequested(Event):
    """A signal asked the process to stop."""

    sentence = "Received {signal}: stopping."

    signal: str = described("SIGTERM or SIGINT")


@catalogued
class ProcessStopped(Event):
    """The process ends as asked, or its command is done."""

    outcome = "success"
    sentence = "Stopped {uptime_seconds:.1f} s after the start, with exit code {exit_code}."

    uptime_seconds: float = seconds("since the process began")
    exit_code: int = described("0")


# ---------------------------------------------------------------- waiting


@catalogued
class DatabaseEmbedded(Event):
    """No database is configured, so the embedded one is used: right on a laptop, wrong in production."""

    level = logging.WARNING
    sentence = "No database is configured: using the embedded SQLite file {database}."

    database: str = described("path of the SQLite file", foreign=True)


@catalogued
class DatabaseRetryScheduled(Event):
    """An attempt failed for a reason that may pass; written before the pause, so that the cause is known at once."""

    level = logging.WARNING
    sentence = (
        "The database is not ready after {waited_seconds:.1f} s (attempt {attempt}, {error_type}): {error_message}; "
        "next attempt in {retry_in_seconds:.1f} s."
    )

    attempt: int = described("which attempt failed, from 1")
    retry_in_seconds: float = seconds("the pause that begins now")
    waited_seconds: float = seconds("since waiting began")
    error_type: str = described("a few values, see docs/behaviour.md")
    error_code: int | str = described("the database's or system's own code; empty when there is none")
    error_message: str = described("why the attempt failed", foreign=True)


@catalogued
class AppDatabaseReady(Event):
    """The app's own login reaches the migrated database. Only where MIGRATION_DATABASE_* gave another for migrating."""

    outcome = "success"
    sentence = "The app's own login reaches the migrated database."

    attempts: int = described("attempts made, with the one that succeeded")
    waited_seconds: float = seconds("since this check began")


@catalogued
class DatabaseReady(Event):
    """The database answers."""

    outcome = "success"
    sentence = (
        "Database is ready! {dialect} {server_version} answered after {waited_seconds:.1f} s ({attempts:attempt})."
    )

    attempts: int = described("attempts made, with the one that succeeded")
    waited_seconds: float = seconds("since waiting began", metric="database_wait_seconds")
    dialect: str = described("mysql, mariadb, postgresql or sqlite")
    server_version: str = described("as the server gives it")


@catalogued
class DependencyRetryScheduled(Event):
    """A service of ORCHESTRATOR_WAIT_FOR did not answer as it should; written before the pause."""

    level = logging.WARNING
    sentence = (
        "{dependency} is not ready after {waited_seconds:.1f} s (attempt {attempt}, {error_type}): {error_message}; "
        "next attempt in {retry_in_seconds:.1f} s."
    )

    dependency: str = described("its address, without a password")
    attempt: int = described("which attempt failed, from 1")
    retry_in_seconds: float = seconds("the pause that begins now")
    waited_seconds: float = seconds("since waiting began")
    error_type: str = described("`network`, `timeout`, `tls`, `http` or `protocol`")
    error_code: int | str = described("the system's own code, or the HTTP status; empty when there is none")
    error_message: str = described("why the attempt failed", foreign=True)


@catalogued
class DependencyReady(Event):
    """A service of ORCHESTRATOR_WAIT_FOR answers."""

    outcome = "success"
    sentence = "{dependency} is ready after {waited_seconds:.1f} s."

    dependency: str = described("its address, without a password")
    waited_seconds: float = seconds("since waiting began")


# ---------------------------------------------------------------- migrating

CONTEXT_HELP = "which of several databases, schemas or version tables env.py migrates; empty where there is one only"


@catalogued
class MigrationEvent(Event, abstract=True):
    """What happens to one of the databases, schemas or version tables that env.py migrates."""

    context: str = described(CONTEXT_HELP, default="")


@catalogued
class MigrationsCurrent(MigrationEvent):
    """The database is at head: nothing to do, and no lock was taken."""

    outcome = "success"
    sentence = "The database is at head ({current_revision}): there is nothing to migrate."

    current_revision: str = described("the database's heads, joined by commas")
    head_revision: str = described("the image's target, joined by commas")


@catalogued
class ChecksumChanged(MigrationEvent):
    """A revision's script is not the one that was applied: a database migrated from scratch gets another schema."""

    level = logging.WARNING
    sentence = (
        "The script of revision {revision} was changed after it was applied (by version {applied_by} of the app): "
        "a new database would get another schema."
    )

    revision: str = described("revision id")
    checksum_applied: str = described("SHA-256 of the script that was applied, from the journal")
    checksum_now: str = described("SHA-256 of the script in this image")
    applied_by: str = described("ORCHESTRATOR_VERSION of the process that applied it, or `unknown`")
    changed_count: int = described("how many scripts were changed; at most 20 are named")


@catalogued
class MigrationsPlanned(MigrationEvent):
    """The revisions that this image would apply, seen before the lock is taken."""

    sentence = "Planned {pending_count:revision}, from {current_revision} to {head_revision}."

    current_revision: str = described("the database's heads, joined by commas; `base` when it has none")
    head_revision: str = described("the image's target, joined by commas")
    pending_count: int = described("how many revisions are missing")
    pending: list[str] = described("their ids in order, at most 50")


@catalogued
class LockWaiting(MigrationEvent):
    """Another migration holds the lock; written at once, and then once per heartbeat."""

    sentence = (
        "Waiting for the migration lock {lock_name}, {waited_seconds:.1f} s so far[; it is held by {holder}]"
        "[, which runs: {holder_statement}]"
    )

    lock_name: str = described("name of the advisory lock, or path of the lock file")
    holder: str = described("who holds it, according to the database; empty when it does not say", foreign=True)
    holder_statement: str = described("the SQL that the holder runs, cut to 300 characters", foreign=True)
    holder_seconds: float = seconds("how long that SQL has been running")
    holder_progressing: bool = described(
        "whether it provably made progress since the look before; such time does not count"
    )
    waited_seconds: float = seconds("since the lock was first asked for")


@catalogued
class LockAcquired(MigrationEvent):
    """This process has the migration lock, on the connection that migrates."""

    sentence = "Took the migration lock {lock_name} after {waited_seconds:.1f} s."

    lock_name: str = described("name of the advisory lock, or path of the lock file")
    waited_seconds: float = seconds("since it was first asked for", metric="lock_wait_seconds")


@catalogued
class LockReleased(MigrationEvent):
    """The migration lock is free again."""

    sentence = "Released the migration lock {lock_name}, {held_seconds:.1f} s after taking it."

    lock_name: str = described("name of the advisory lock, or path of the lock file")
    held_seconds: float = seconds("how long it was held")


@catalogued
class RevisionStarted(MigrationEvent):
    """A revision begins."""

    sentence = "Applying revision {revision} ({index} of {pending_count})[: {description}]"

    revision: str = described("revision id")
    description: str = described("first line of the script's docstring")
    index: int = described("which of the pending ones, from 1")
    pending_count: int = described("how many were pending when the lock was taken")


@catalogued
class RevisionRetryScheduled(MigrationEvent):
    """A statement gave up waiting for a table lock, before it changed anything, so that queries behind it can run."""

    level = logging.WARNING
    sentence = (
        "Statement {statement_index} of revision {revision} gave up waiting for a table lock (attempt {attempt}), so "
        "that queries behind it can go on; next attempt in {retry_in_seconds:.1f} s[; it is blocked by {blocked_by}]"
    )

    revision: str = described("revision id")
    statement_index: int = described("which of its statements, from 1")
    attempt: int = described("which attempt at this statement failed, from 1")
    retry_in_seconds: float = seconds("the pause that begins now")
    blocked_by: str = described("who has the lock, according to the database; empty when it does not say", foreign=True)


@catalogued
class RevisionResumed(MigrationEvent):
    """An interrupted revision continues where it stopped: statements that provably ran do not run again."""

    level = logging.WARNING
    sentence = (
        "Resuming revision {revision}, which was interrupted at {interrupted_at} ({interrupted_by}): "
        "{statements_skipped:statement} {statements_skipped:is/are} done and will not run again."
    )

    revision: str = described("revision id")
    statements_skipped: int = described("statements on record, which are not run again")
    interrupted_at: str = described("when the last of them was recorded; UTC, by the database's clock")
    interrupted_by: str = described("the start that was interrupted: its boot_id and version")


@catalogued
class RevisionProgress(MigrationEvent):
    """A statement has been running for a while; written once per heartbeat, with what another connection sees."""

    sentence = (
        "Statement {statement_index} of revision {revision} has run for {statement_seconds:.1f} s"
        "[; {statement_state}][; {progress_percent:.0f} percent][; blocked by {blocked_by}]."
    )

    revision: str = described("revision id")
    statement_index: int = described("which statement of the revision, from 1")
    statement: str = described("its SQL without parameters, cut to 2,000 characters", foreign=True)
    statement_seconds: float = seconds("since it began")
    statement_state: str = described("what it does, in the server's words; empty when it does not say", default="")
    progress_percent: float | None = described(
        "how much is done of it, or (PostgreSQL) of the phase that `statement_state` names; null when not known",
        unit="percent",
        default=None,
    )
    rows: int | None = described("rows worked through; null when not known", default=None)
    blocked_by: str = described(
        "who has the lock that it waits for: connection, user, host, state, statement; empty when it waits for none",
        foreign=True,
        default="",
    )
    blocked_seconds: float = seconds("how long the blocker's transaction has been open", default=0.0)


@catalogued
class RevisionApplied(MigrationEvent):
    """A revision is committed; written after the commit, never before."""

    outcome = "success"
    sentence = "Applied revision {revision} ({index} of {pending_count}) in {duration_seconds:.2f} s[: {description}]"

    revision: str = described("revision id")
    description: str = described("first line of the script's docstring")
    index: int = described("which of the pending ones, from 1")
    pending_count: int = described("how many were pending when the lock was taken")
    statements: int = described("SQL statements that it ran, the version stamp included")
    duration_seconds: float = seconds("from its start to its commit", metric="revision_seconds")


@catalogued
class MigrationsCompleted(MigrationEvent):
    """The database is at the target; read back from the database, not assumed."""

    outcome = "success"
    sentence = (
        "Database migrations completed successfully! Applied {applied_count:revision} in {duration_seconds:.2f} s; "
        "the database is at {current_revision}."
    )

    applied_count: int = described("revisions applied by this process; 0 when another replica did it all")
    current_revision: str = described("the database's heads, joined by commas")
    duration_seconds: float = seconds(
        "from the start of migrating, waiting for the lock included", metric="migration_seconds"
    )


HOOK_HELP = "`before_migrate` or `after_migrate`"


@catalogued
class HookStarted(Event):
    """The project's own command before or after the migration begins, under the migration lock."""

    sentence = "Running the hook {hook}: {command}"

    hook: str = described(HOOK_HELP)
    command: str = described("the command", foreign=True)


@catalogued
class HookProgress(Event):
    """The command has been running for a while; written once per heartbeat."""

    sentence = "The hook {hook} has run for {hook_seconds:.1f} s."

    hook: str = described(HOOK_HELP)
    hook_seconds: float = seconds("since it began")


@catalogued
class HookCompleted(Event):
    """The command ended with exit code 0."""

    outcome = "success"
    sentence = "The hook {hook} was completed in {duration_seconds:.2f} s."

    hook: str = described(HOOK_HELP)
    command: str = described("the command", foreign=True)
    duration_seconds: float = seconds("from its start to its end, the wait for the lock left out")


# ---------------------------------------------------------------- serving


@catalogued
class AppLoaded(Event):
    """The app was imported; its lifespan has not begun."""

    outcome = "success"
    sentence = "Imported the app {app} in {duration_seconds:.2f} s."

    app: str = described("the import string")
    duration_seconds: float = seconds("in a thread, while the database was waited for", metric="app_load_seconds")


@catalogued
class ServerStarted(Event):
    """The app answers on the port."""

    outcome = "success"
    sentence = "Serving on {host}:{port}, {startup_seconds:.2f} s after the start of the process."

    host: str = described("the address that is listened on")
    port: int = described("the port that is listened on")
    startup_seconds: float = seconds("from the start of the process", metric="startup_seconds")


@catalogued
class CommandStarted(Event):
    """`run` is done: this process becomes COMMAND, which writes what it likes from here on. The last event."""

    outcome = "success"
    sentence = "Everything is ready; this process becomes: {command}"

    command: str = described("the program and its arguments", foreign=True)


@catalogued
class Request(Event):
    """A request was answered; requests to the probes are not logged."""

    sentence = "{method} {path} {status}"

    method: str = described("HTTP method")
    path: str = described("path without the query, which may hold secrets", foreign=True)
    status: int = described("HTTP status")
    duration_seconds: float = seconds("from the request's headers to the end of the answer")
    client: str = described("address of the client; the forwarded one behind a trusted proxy", foreign=True)


@catalogued
class ServerDrained(Event):
    """The listener is closed and the requests in flight are finished, or were cancelled."""

    sentence = (
        "Finished the open requests in {duration_seconds:.1f} s"
        "[; cancelled {requests_cancelled:request} that did not end in time]."
    )

    duration_seconds: float = seconds("since the stop was asked for")
    requests_cancelled: int = described("requests that did not finish in time")
