"""What ends a migration."""

import logging

from orchestrator.errors.failure import Failure
from orchestrator.events.event import catalogued, described
from orchestrator.events.migrating import LockAwaited, MigrationEvent


@catalogued
class LockTimeout(LockAwaited, Failure):
    """Another migration held the lock and made no progress within the budget, or held it beyond the absolute limit."""

    exits_with = 6
    sentence = (
        "Did not get the migration lock {lock_name} within {waited_seconds:.1f} s: {error_message}[. Its holder is "
        "{holder}][, which runs: {holder_statement}]"
    )
    cure = (
        "Look at the holder. If it hangs, end its session, and start again. If it works, raise "
        "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS, the time that a holder may go without progress."
    )


@catalogued
class _RevisionFailure(MigrationEvent, Failure, abstract=True):
    """The fields of a failed revision."""

    revision: str = described("revision that failed; empty if none had begun")
    statement_index: int = described("number of the failed statement, from 1; 0 if none had begun")
    statement: str = described("SQL of the statement without parameters, cut to 2,000 characters", foreign=True)
    statements_done: int = described("number of statements that had succeeded before")


@catalogued
class MigrationFailed(_RevisionFailure):
    """A revision failed, and nothing of it is left in the database."""

    exits_with = 7
    sentence = (
        "The migration failed[ at statement {statement_index}][ of revision {revision}, of which nothing is left in "
        "the database]: {error_message}"
    )
    cure = "Fix the revision and deploy again: it will run from its first statement."


@catalogued
class MigrationHalfApplied(_RevisionFailure):
    """A revision stopped half way on a database that cannot roll DDL back."""

    exits_with = 8
    sentence = (
        "The migration stopped half way[ at statement {statement_index}][ of revision {revision}]"
        "[, after {statements_done:statement} that may have left changes in the database]: {error_message}"
    )
    cure = (
        "Repair the database by hand, in one of two ways. Either run the rest of the revision (`pending_statement`, "
        "`left`), and then `alembic stamp REVISION`. Or undo the statements in `applied`, and delete the rows of the "
        "revision from orchestrator_journal_statements and orchestrator_journal. Then start again."
    )

    applied: list[str] = described(
        "statements whose changes remain, cut to 200 characters, at most 50",
        foreign=True,
        default_factory=list,
    )
    pending_statement: str = described(
        "statement that began and whose end is not recorded; empty if there is none",
        foreign=True,
        default="",
    )
    left: list[str] = described(
        "lines of the script after the last recorded statement, cut to 200 characters, at most 50; empty if the script "
        "has changed since",
        foreign=True,
        default_factory=list,
    )


@catalogued
class MigrationStopped(_RevisionFailure):
    """A stop was requested before the database was at its target."""

    exits_with = 12
    sentence = "The process was stopped before the database reached its target: {error_message}"
    cure = (
        "Nothing to do: the next start continues from there. If no start ever finishes, raise "
        "ORCHESTRATOR_SHUTDOWN_SECONDS and the stop timeout of the container."
    )


@catalogued
class MigrationTreeInvalid(Failure):
    """The migration scripts cannot be used: several heads, a broken chain, an unreadable script, an unknown target."""

    exits_with = 9
    sentence = "The migration scripts cannot be used ({error_type}): {error_message}"
    cure = "Fix the migration scripts: each must load, and together they must form one unbroken chain to one head."


@catalogued
class DatabaseAhead(MigrationEvent, Failure):
    """The database is of unknown lineage, or ahead of this image while ORCHESTRATOR_WHEN_AHEAD is `fail`."""

    exits_with = 10
    sentence = (
        "This image (at {head_revision}) cannot use the database (at {current_revision}), whose lineage is {lineage}: "
        "{error_message}."
    )
    cure = "Deploy an image that has the revision of the database (roll forward)."

    current_revision: str = described("heads of the database, joined by commas")
    head_revision: str = described("target of the image, joined by commas")
    lineage: str = described(
        "`proven`: by the journal, the database has everything that this image needs, and more; `unknown`: no proof"
    )


@catalogued
class DatabaseAheadTolerated(DatabaseAhead):
    """Provably ahead of this image, which serves nevertheless: it was rolled back, or is about to be replaced."""

    level = logging.WARNING
    outcome = "unknown"
    sentence = (
        "The database (at {current_revision}) is ahead of this image (at {head_revision}), which serves all the same: "
        "{error_message}."
    )
    cure = "Nothing to do if this image is meant to serve on the newer schema; otherwise deploy the newer image."
