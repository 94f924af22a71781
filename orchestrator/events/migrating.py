"""Migrating: the position, the lock, the revisions."""

import logging

from orchestrator.events.event import Event, catalogued, described, seconds

_CONTEXT = "which of several databases, schemas or version tables env.py migrates; empty where there is one only"

_BLOCKED_BY = "who has the lock that it waits for: connection, user and host; empty when the database does not say"
_BLOCKED_BY_STATE = "what that session does, in the server's words; whether it is one of several, or only likely"
_BLOCKED_BY_STATEMENT = "its last SQL, cut to 300 characters; empty when not known"
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

    sentence = (
        "{pending_count:revision} {pending_count:is/are} pending: the database is at {current_revision}, this image at "
        "{head_revision}."
    )

    current_revision: str = described("the database's heads, joined by commas; `base` when it has none")
    head_revision: str = described("the image's target, joined by commas")
    pending_count: int = described("how many revisions are missing")
    pending: list[str] = described("their ids in order, at most 50")


@catalogued
class LockAwaited(MigrationEvent, abstract=True):
    """The lock that another migration holds, and its holder."""

    lock_name: str = described("name of the advisory lock, or path of the lock file")
    holder: str = described("who holds it, according to the database; empty when it does not say", foreign=True)
    holder_statement: str = described("the SQL that the holder runs, cut to 300 characters", foreign=True)
    holder_seconds: float = seconds("how long that SQL has been running")
    holder_progressing: bool = described(
        "whether it provably made progress since the look before; such time does not count"
    )
    waited_seconds: float = seconds("since the lock was first asked for")


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
        "Statement {statement_index} of revision {revision} did not get its table lock in time (attempt {attempt}), "
        "and lets other queries pass; next attempt in {retry_in_seconds:.1f} s[. The lock is held by {blocked_by}]"
        "[ ({blocked_by_state})][, whose last statement is: {blocked_by_statement}]"
    )

    revision: str = described("revision id")
    statement_index: int = described("which of its statements, from 1")
    attempt: int = described("which attempt at this statement failed, from 1")
    retry_in_seconds: float = seconds("the pause that begins now")
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
    interrupted_at: str = described("when the last of them was recorded; UTC, by the database's clock")
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

    revision: str = described("the revision that ran; empty when none had begun")
    statement_index: int = described("which of its statements was interrupted, from 1; 0 when none had begun")
    statement: str = described("its SQL without parameters, cut to 2,000 characters", foreign=True)
    statements_done: int = described("its statements that had succeeded before")
    interruptions: int = described("how often this start was interrupted so far")
    error_type: str = described("`connection_lost`, `read_only`, `starting`, `timeout`, `network`, `refused` or `dns`")
    error_code: int | str = described("the database's or system's own code; empty when there is none")
    error_message: str = described("what the database or the driver said", foreign=True)


@catalogued
class RevisionProgress(MigrationEvent):
    """A statement has been running for a while; written once per heartbeat, with what another connection sees."""

    sentence = (
        "Statement {statement_index} of revision {revision} has been running for {statement_seconds:.1f} s"
        "[; the server says: {statement_state}][; {progress_percent:.0f} percent done][; it waits for {blocked_by}]"
        "[ ({blocked_by_state})][, whose last statement is: {blocked_by_statement}]."
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
