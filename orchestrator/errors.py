"""Failures: what ends a start, each with its event, its exit code and its cure.

A failure is an event like any other, so an error is data: `raise StartupError(LockTimeout(...))`. The exit codes are
public interface (an ECS restart policy or a pipeline reads them): section 5 of the contract.
"""

import logging
from collections.abc import Callable
from typing import Any, ClassVar, Self

from orchestrator.events import CONTEXT_HELP, HOOK_HELP, Event, Outcome, catalogued, described, seconds
from orchestrator.sentences import said

EXIT_OK = 0
EXIT_USAGE = 64  # EX_USAGE of sysexits.h


@catalogued
class Failure(Event, abstract=True):
    """The base of every failure event: exit code, cause and cure."""

    level = logging.CRITICAL
    outcome: ClassVar[Outcome] = "failure"
    exits_with: ClassVar[int]
    cure: ClassVar[str]

    error_type: str = described("what kind of failure, one of a few values")
    error_code: int | str = described("the database's or system's own code; empty when there is none", default="")
    error_message: str = described("what happened, in the words of the part that noticed it", foreign=True, default="")
    hint: str = described("what to do about it", default="")

    def __post_init__(self) -> None:
        """Give the class's cure where the occasion has no better hint."""
        if not self.hint:
            object.__setattr__(self, "hint", self.cure)


class StartupError(Exception):
    """Ends the start; `failure` has the reason, the exit code and the hint."""

    def __init__(self, failure: Failure, exception: BaseException | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.exception = exception
        """The exception whose traceback belongs into the event, when reading it helps."""


@catalogued
class SettingsInvalid(Failure):
    """Settings are wrong; all faults at once, before anything was touched."""

    exits_with = 78  # EX_CONFIG of sysexits.h
    sentence = "{fault_count:setting} {fault_count:is/are} wrong: {error_message}"
    cure = "Correct these environment variables. `orchestrator serve --help` describes them all."

    fault_count: int = described("how many faults there are")
    variables: list[str] = described("the variables at fault")
    faults: list[dict[str, str]] = described(
        "for each: `variable`, `problem` and `example`; never a secret", foreign=True
    )


@catalogued
class AppFailed(Failure):
    """The app did not import, or its lifespan failed. The exit code is the one that uvicorn uses for it."""

    exits_with = 3
    sentence = "The app {app} did not start: {error_message}"
    cure = (
        "Fix the app, or name another in ORCHESTRATOR_APP: it must import, and its lifespan must start. "
        "The traceback is in `exception`."
    )

    app: str = described("the import string")


@catalogued
class DatabaseUnreachable(Failure):
    """The database did not become ready within the budget."""

    exits_with = 4
    sentence = (
        "The database was not ready within {waited_seconds:.1f} s ({attempts:attempt}); last cause: {error_message}"
    )
    cure = (
        "Check that the database runs, and that this process can reach it: address, network, security group. "
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS says how long to wait."
    )

    attempts: int = described("attempts made")
    waited_seconds: float = seconds("since waiting began")


@catalogued
class DatabaseRefused(Failure):
    """The database answered and refused the connection; another attempt would not help."""

    exits_with = 5
    sentence = "The database refused the connection ({error_type}): {error_message}"
    cure = "Correct what the database is addressed with: user, password, database name, TLS; or the rights of the user."

    attempts: int = described("attempts made")
    waited_seconds: float = seconds("since waiting began")


@catalogued
class LockTimeout(Failure):
    """Another migration held the lock and made no progress within the budget, or held it beyond the absolute limit."""

    exits_with = 6
    sentence = (
        "The migration lock {lock_name} was not free within {waited_seconds:.1f} s[; it is held by {holder}]"
        "[, which runs: {holder_statement}]"
    )
    cure = (
        "Look at the holder, and end its session if it hangs. "
        "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS says how long it may go without progress."
    )

    context: str = described(CONTEXT_HELP, default="")
    lock_name: str = described("name of the advisory lock, or path of the lock file")
    holder: str = described("who holds it, according to the database; empty when it does not say", foreign=True)
    holder_statement: str = described("the SQL that the holder runs, cut to 300 characters", foreign=True)
    holder_seconds: float = seconds("how long that SQL has been running")
    holder_progressing: bool = described(
        "whether it provably made progress since the look before; such time does not count"
    )
    waited_seconds: float = seconds("since the lock was first asked for")


@catalogued
class _RevisionFailure(Failure, abstract=True):
    """The fields of a failed revision."""

    context: str = described(CONTEXT_HELP, default="")
    revision: str = described("the revision that failed; empty when none had begun")
    statement_index: int = described("which of its statements failed, from 1; 0 when none had begun")
    statement: str = described("its SQL without parameters, cut to 2,000 characters", foreign=True)
    statements_done: int = described("its statements that had succeeded before")


@catalogued
class MigrationFailed(_RevisionFailure):
    """A revision failed, and nothing of it is left in the database."""

    exits_with = 7
    sentence = (
        "The migration failed[ in revision {revision}][ at statement {statement_index}]; nothing of the revision is "
        "left in the database: {error_message}"
    )
    cure = "Fix the revision and deploy again: it will run from its first statement."


@catalogued
class MigrationHalfApplied(_RevisionFailure):
    """A revision stopped half way on a database that cannot roll DDL back."""

    exits_with = 8
    sentence = (
        "The migration stopped half way[ in revision {revision}][ at statement {statement_index}]"
        "[; {statements_done:statement} of the revision ran before, and may have left changes in the database]: "
        "{error_message}"
    )
    cure = (
        "Repair by hand, in one of two ways. Either finish the revision (`left`, `pending_statement`) and record it "
        "with `alembic stamp`. Or undo what is in `applied`, and delete the rows of the revision from "
        "orchestrator_journal_statements and orchestrator_journal: it will run from its first statement."
    )

    applied: list[str] = described(
        "the statements whose changes remain, cut to 200 characters, at most 50",
        foreign=True,
        default_factory=list,
    )
    pending_statement: str = described(
        "the statement that began, and of which it is not known whether it ended; empty when there is none",
        foreign=True,
        default="",
    )
    left: list[str] = described(
        "the lines of the script after the last statement on record, cut to 200 characters, at most 50; empty when "
        "the script was changed since",
        foreign=True,
        default_factory=list,
    )


@catalogued
class MigrationTreeInvalid(Failure):
    """The migration scripts cannot be used: several heads, a broken chain, an unreadable script, an unknown target."""

    exits_with = 9
    sentence = "The migration scripts cannot be used ({error_type}): {error_message}"
    cure = "Fix the migration scripts: each must load, and together they must form one unbroken chain to one head."


@catalogued
class DatabaseAhead(Failure):
    """The database is of unknown lineage, or ahead of this image while ORCHESTRATOR_WHEN_AHEAD is `fail`."""

    exits_with = 10
    sentence = (
        "This image cannot use the database: the database is at {current_revision}, the image at {head_revision}, "
        "lineage {lineage}: {error_message}."
    )
    cure = "Deploy an image that has the revision of the database (roll forward)."

    context: str = described(CONTEXT_HELP, default="")
    current_revision: str = described("the database's heads, joined by commas")
    head_revision: str = described("the image's target, joined by commas")
    lineage: str = described(
        "`proven`: by the journal, the database has all that this image needs, and more; `unknown`: nothing proves that"
    )


@catalogued
class DatabaseAheadTolerated(DatabaseAhead):
    """Provably ahead of this image, which serves nevertheless: it was rolled back, or is about to be replaced."""

    level = logging.WARNING
    outcome = "unknown"
    sentence = (
        "The database is ahead of this image, which serves nevertheless: the database is at {current_revision}, "
        "the image at {head_revision}: {error_message}."
    )
    cure = "Nothing to do if this image is meant to serve on the newer schema; otherwise deploy the newer image."


@catalogued
class BindFailed(Failure):
    """The port is in use or not allowed."""

    exits_with = 11
    sentence = "Cannot listen on {host}:{port}: {error_message}"
    cure = "End the process that uses the port, or change PORT or ORCHESTRATOR_HOST."

    host: str = described("the address asked for")
    port: int = described("the port asked for")


@catalogued
class MigrationStopped(_RevisionFailure):
    """A stop was requested before the database was at its target."""

    exits_with = 12
    sentence = "Stopped before the database was at its target: {error_message}"
    cure = (
        "Nothing to do: the next start continues after what is done. If it never finishes, raise "
        "ORCHESTRATOR_SHUTDOWN_SECONDS and the stop timeout of the container."
    )


@catalogued
class DependencyUnreachable(Failure):
    """A service of ORCHESTRATOR_WAIT_FOR did not become ready within the budget."""

    exits_with = 14
    sentence = (
        "{dependency} was not ready within {waited_seconds:.1f} s ({attempts:attempt}); last cause: {error_message}"
    )
    cure = (
        "Check that the service runs, and that this process can reach it: address, network, security group. "
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS says how long to wait, ORCHESTRATOR_WAIT_FOR for what."
    )

    dependency: str = described("its address, without a password")
    attempts: int = described("attempts made")
    waited_seconds: float = seconds("since waiting began")


@catalogued
class HookFailed(Failure):
    """The command before or after migrating failed, took too long or could not be started."""

    exits_with = 13
    sentence = (
        "The hook {hook} failed: {error_message}[; {revisions_applied:revision} {revisions_applied:was/were} applied "
        "before it and {revisions_applied:stays/stay} applied]"
    )
    cure = (
        "Fix the command; `output` has the end of what it wrote. It runs again at the next start, so it must be "
        "repeatable. It must not wait for the migration lock (as `orchestrator migrate` would): it runs under it. "
        "ORCHESTRATOR_HOOK_TIMEOUT_SECONDS is its budget."
    )

    hook: str = described(HOOK_HELP)
    command: str = described("the command", foreign=True)
    hook_exit_code: int = described("its exit code; 128 and the number of the signal that ended it; 127: not found")
    output: str = described("the end of its output, at most 50 lines", foreign=True, default="")
    revisions_applied: int = described("how many revisions this start had applied before", default=0)


@catalogued
class StartupFailed(Failure):
    """The last event of every failed start, for any cause: the one to alarm on."""

    exits_with = 1
    sentence = "The start failed (state {failed_state}, exit code {exit_code}): {error_message}"
    cure = "This is a bug in the orchestrator. Please report it with the traceback in `exception`."

    exit_code: int = described("see the table of exit codes")
    failed_state: str = described("the state in which it failed; `migrating` lasts until the app serves")
    error_message: str = described("the message of the event before, without secrets")

    @classmethod
    def after(cls, failure: Failure, failed_state: str, clean: Callable[[Any], Any]) -> Self:
        """The last event of a start that ends with `failure`."""
        return cls(
            error_type=failure.error_type,
            error_code=failure.error_code,
            error_message=said(failure.sentence, failure.fields(clean)),
            hint=failure.hint,
            exit_code=failure.exits_with,
            failed_state=failed_state,
        )
