"""The last part of each command's help: exit codes, variables, and the page in the documentation."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

PURPOSES: Mapping[str, Sequence[str]] = {
    "Start": ("serve", "run", "migrate", "wait"),
    "Look": ("status", "plan", "explain"),
    "Build and check an image": ("check", "freeze", "probe"),
    "Read logs": ("timeline", "filter", "events", "cloudwatch"),
}
"""The commands, by what they are for."""

_OF_SERVE = (
    *("ORCHESTRATOR_HOST", "PORT", "ORCHESTRATOR_DRAIN_SECONDS", "ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH"),
    *("ORCHESTRATOR_STARTUP_PATH", "ORCHESTRATOR_STATUS_DETAIL", "WEB_CONCURRENCY"),
)
_OF_THE_APP = ("ORCHESTRATOR_APP", "ORCHESTRATOR_APP_FACTORY")
_OF_MIGRATING = (
    *("ORCHESTRATOR_BEFORE_MIGRATE", "ORCHESTRATOR_AFTER_MIGRATE", "ORCHESTRATOR_HOOK_TIMEOUT_SECONDS"),
    *("ORCHESTRATOR_LOCK_TIMEOUT_SECONDS", "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS", "ORCHESTRATOR_DDL_RETRY_SECONDS"),
    *("ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS", "ORCHESTRATOR_WHEN_HALF_APPLIED", "ORCHESTRATOR_HEARTBEAT_SECONDS"),
)
_OF_SCRIPTS = ("ORCHESTRATOR_ALEMBIC_", "ALEMBIC_CONFIG", "ORCHESTRATOR_TARGET")
_OF_LOOKING = (
    *("DATABASE_", "MIGRATION_DATABASE_", "ORCHESTRATOR_EMBEDDED_DATABASE", "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS"),
    *(*_OF_SCRIPTS, "ORCHESTRATOR_SERVICE", "ORCHESTRATOR_VERSION"),
)


class Help(NamedTuple):
    """The facts that the help of a command shows.

    Attributes:
        page: The page in the documentation.
        codes: The exit codes that only this command has, and their meaning.
        failures: The exit codes that it shares with a failed start. The failures define their meaning.
        reads: Prefixes of the variables that it reads. One empty prefix stands for all.
        but: The variables that it does not read although a prefix matches.
    """

    page: str
    codes: Mapping[int, str]
    failures: Collection[int] = ()
    reads: Collection[str] = ()
    but: Collection[str] = ()


_NOT_SEEN = {4: "The database does not answer.", 7: "env.py failed."}
_DONE = {0: "It is printed."}
HELP = {
    "serve": Help(
        "behaviour.md",
        {0: "It was stopped as asked (SIGTERM, SIGINT)."},
        (1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 78),
        reads=("",),
    ),
    "run": Help(
        "run.md",
        {0: "COMMAND ended with it: once it is started, the exit code is its own."},
        (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 78),
        reads=("",),
        but=(*_OF_THE_APP, "ORCHESTRATOR_DRAIN_SECONDS", "WEB_CONCURRENCY"),
    ),
    "migrate": Help(
        "behaviour.md",
        {0: "The database is at its target."},
        (1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 78),
        reads=("",),
        but=(*_OF_SERVE, "ORCHESTRATOR_MIGRATE"),
    ),
    "wait": Help(
        "behaviour.md",
        {0: "The database answers; with --head: it is at its target."},
        (1, 4, 5, 9, 10, 12, 14, 78),
        reads=("",),
        but=(*_OF_SERVE, *_OF_MIGRATING, *_OF_THE_APP, "ORCHESTRATOR_MIGRATE"),
    ),
    "status": Help(
        "status.md",
        {0: "It could be read.", 1: "With --exit-code: a database is not at head.", **_NOT_SEEN},
        (3, 5, 9, 78),
        _OF_LOOKING,
    ),
    "plan": Help(
        "plan.md", {0: "It could be read, even if nothing is pending.", **_NOT_SEEN}, (3, 5, 9, 78), _OF_LOOKING
    ),
    "explain": Help("runbook.md", _DONE),
    "check": Help(
        "check.md",
        {0: "Nothing is wrong or dangerous.", 1: "There are dangerous operations."},
        (3, 9, 78),
        ("DATABASE_", *_OF_SCRIPTS, *_OF_THE_APP),
    ),
    "freeze": Help(
        "behaviour.md",
        {
            0: "The manifest is written, or these scripts cannot have one and a line on stderr gives the reason.",
            1: "The file cannot be written.",
        },
        (9,),
        ("ORCHESTRATOR_ALEMBIC_CONFIG", "ORCHESTRATOR_TARGET"),
    ),
    "probe": Help(
        "behaviour.md",
        {0: "The container is healthy.", 1: "It is not, and a line on stderr gives the reason."},
        reads=("ORCHESTRATOR_HOST", "PORT", "ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH"),
    ),
    "timeline": Help("timeline.md", {0: "It is drawn."}),
    "filter": Help("filter.md", {0: "Some lines matched.", 1: "No line matched."}),
    "events": Help("events.md", _DONE),
    "cloudwatch": Help("cloudwatch.md", _DONE),
}
