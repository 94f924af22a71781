"""Migrating: the position, the lock, the revisions."""

import logging

from orchestrator.events.event import Event, catalogued, described, seconds

_CONTEXT = "database, schema or version table, if env.py migrates several; otherwise empty"

_BLOCKED_BY = "session that blocks the statement: connection, user and host; empty if the database does not show it"
_BLOCKED_BY_STATE = (
    "state of that session, as the server reports it; whether it is one of several, or only likely the blocker"
)
_BLOCKED_BY_STATEMENT = "last SQL of that session, cut to 300 characters; empty if not known"
_BLOCKED_SECONDS = "how long that session's transaction has been open"


@catalogued
class MigrationEvent(Event, abstract=True):
    """What happens to one of the databases, schemas or version tables that env.py migrates."""

    context: str = described(_CONTEXT, default="")


@catalogued
class MigrationsCurrent(MigrationEvent):
    """The database is at head: nothing to do, and no lock was taken."""

    outcome = "success"
    sentence = "The database is at head ({current_revision}): there is nothing to migrate."

    current_revision: str = described("heads of the database, joined by commas")
    head_revision: str = described("target of the image, joined by commas")


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
    changed_count: int = described("number of changed scripts; at most 20 of them are reported")


@catalogued
class MigrationsPlanned(MigrationEvent):
    """The revisions that this image would apply, seen before the lock is taken."""

    sentence = (
        "{pending_count:revision} {pending_count:is/are} pending: the database is at {current_revision}, this image at "
        "{head_revision}."
    )

    current_revision: str = described("heads of the database, joined by commas; `base` if it has none")
    head_revision: str = described("target of the image, joined by commas")
    pending_count: int = described("number of pending revisions")
    pending: list[str] = described("ids of the pending revisions in order, at most 50")


@catalogued
class LockAwaited(MigrationEvent, abstract=True):
    """The lock that another migration holds, and its holder."""

    lock_name: str = described("name of the advisory lock, or path of the lock file")
    holder: str = described("session that holds the lock, as the database shows it; empty if it does not", foreign=True)
    holder_statement: str = described("SQL that the holder runs, cut to 300 characters", foreign=True)
    holder_seconds: float = seconds("how long that SQL has been running")
    holder_progressing: bool = described(
        "whether the holder has provably made progress since the previous check; such time does not count"
    )
    waited_seconds: float = seconds("since the first attempt to get the lock")


@catalogued
class LockWaiting(LockAwaited):
    """Another migration holds the lock; written at once, and then once per heartbeat."""

    sentence = (
        "Waiting for the migration lock {lock_name} for {waited_seconds:.1f} s[. Its holder is {holder}]"
        "[, which runs: {holder_statement}]"
    )


@catalogued
class LockAcquired(MigrationEvent):
    """This process has the migration lock, on the connection that migrates."""

    sentence = "Took the migration lock {lock_name} after {waited_seconds:.1f} s."

    lock_name: str = described("name of the advisory lock, or path of the lock file")
    waited_seconds: float = seconds("since the first attempt to get the lock", metric="lock_wait_seconds")


@catalogued
class LockReleased(MigrationEvent):
    """The migration lock is free again."""

    sentence = "Released the migration lock {lock_name}, {held_seconds:.1f} s after taking it."

    lock_name: str = described("name of the advisory lock, or path of the lock file")
    held_seconds: float = seconds("how long the lock was held")


@catalogued
class RevisionStarted(MigrationEvent):
    """A revision begins."""

    sentence = "Applying revision {revision} ({index} of {pending_count})[: {description}]"

    revision: str = described("revision id")
    description: str = described("first line of the script's docstring")
    index: int = described("position among the pending revisions, from 1")
    pending_count: int = described("number of pending revisions when the lock was taken")


@catalogued
class RevisionRetryScheduled(MigrationEvent):
    """A statement gave up waiting for a table lock, before it changed anything, so that queries behind it can run."""

    level = logging.WARNING
    sentence = (
        "Statement {statement_index} of revision {revision} did not get its table lock in time (attempt {attempt}), "
        "and lets other queries pass; next attempt in {retry_in_seconds:.1f} s[. The lock is held by {blocked_by}]"
        "[ ({blocked_by_state})][, whose last statement is: {blocked_by_statement}]"
    )

    revision: str = described("revision id")
    statement_index: int = described("number of the statement in the revision, from 1")
    attempt: int = described("number of the failed attempt at this statement, from 1")
    retry_in_seconds: float = seconds("pause before the next attempt")
    blocked_by: str = described(_BLOCKED_BY, foreign=True)
    blocked_by_state: str = described(_BLOCKED_BY_STATE, foreign=True, default="")
    blocked_by_statement: str = described(_BLOCKED_BY_STATEMENT, foreign=True, default="")
    blocked_seconds: float = seconds(_BLOCKED_SECONDS, default=0.0)


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
    interrupted_at: str = described("time when the last of them was recorded: UTC, by the clock of the database")
    interrupted_by: str = described("the start that was interrupted: its boot_id and version")


@catalogued
class MigrationInterrupted(MigrationEvent):
    """The database went away in the middle of the migration, as in a failover; it is waited for, and the run continues.

    No revision is at fault. What cannot be continued safely ends with `migration_half_applied`.
    """

    level = logging.WARNING
    sentence = (
        "The database interrupted the migration ({error_type})[ at statement {statement_index}][ of revision "
        "{revision}]: {error_message}. It continues when the database takes writes again (interruption "
        "{interruptions})."
    )

    revision: str = described("revision that was running; empty if none had begun")
    statement_index: int = described("number of the interrupted statement, from 1; 0 if none had begun")
    statement: str = described("SQL of the statement without parameters, cut to 2,000 characters", foreign=True)
    statements_done: int = described("number of statements that had succeeded before")
    interruptions: int = described("number of interruptions of this start so far")
    error_type: str = described("`connection_lost`, `read_only`, `starting`, `timeout`, `network`, `refused` or `dns`")
    error_code: int | str = described("code of the database or the system; empty if there is no code")
    error_message: str = described("message of the database or the driver", foreign=True)


@catalogued
class RevisionProgress(MigrationEvent):
    """A statement has been running for a while; written once per heartbeat, with what another connection sees."""

    sentence = (
        "Statement {statement_index} of revision {revision} has been running for {statement_seconds:.1f} s"
        "[; the server says: {statement_state}][; {progress_percent:.0f} percent done][; it waits for {blocked_by}]"
        "[ ({blocked_by_state})][, whose last statement is: {blocked_by_statement}]."
    )

    revision: str = described("revision id")
    statement_index: int = described("number of the statement in the revision, from 1")
    statement: str = described("SQL of the statement without parameters, cut to 2,000 characters", foreign=True)
    statement_seconds: float = seconds("since it began")
    statement_state: str = described(
        "state of the statement, as the server reports it; empty if it reports none", default=""
    )
    progress_percent: float | None = described(
        "progress of the statement, or (PostgreSQL) of the phase in `statement_state`; null if not known",
        unit="percent",
        default=None,
    )
    rows: int | None = described("rows processed so far; null if not known", default=None)
    blocked_by: str = described(_BLOCKED_BY, foreign=True, default="")
    blocked_by_state: str = described(_BLOCKED_BY_STATE, foreign=True, default="")
    blocked_by_statement: str = described(_BLOCKED_BY_STATEMENT, foreign=True, default="")
    blocked_seconds: float = seconds(_BLOCKED_SECONDS, default=0.0)


@catalogued
class RevisionApplied(MigrationEvent):
    """A revision is committed; written after the commit, never before."""

    outcome = "success"
    sentence = "Applied revision {revision} ({index} of {pending_count}) in {duration_seconds:.2f} s[: {description}]"

    revision: str = described("revision id")
    description: str = described("first line of the script's docstring")
    index: int = described("position among the pending revisions, from 1")
    pending_count: int = described("number of pending revisions when the lock was taken")
    statements: int = described("number of its SQL statements, including the version stamp")
    duration_seconds: float = seconds("from its start to its commit", metric="revision_seconds")


@catalogued
class MigrationsCompleted(MigrationEvent):
    """The database is at the target; read back from the database, not assumed."""

    outcome = "success"
    sentence = (
        "Database migrations completed successfully! Applied {applied_count:revision} in {duration_seconds:.2f} s; "
        "the database is at {current_revision}."
    )

    applied_count: int = described(
        "number of revisions that this process applied; 0 if another replica applied all of them"
    )
    current_revision: str = described("heads of the database, joined by commas")
    duration_seconds: float = seconds(
        "from the start of the migration, including the wait for the lock", metric="migration_seconds"
    )
