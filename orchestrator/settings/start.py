"""The settings of a start: the app, the migration, the port, and the time limits of its waits."""

from pathlib import Path

from orchestrator.variables import parsers as parse
from orchestrator.variables.definition import Variables, variable

YES, NO = True, False


class StartSettings(Variables):
    """The first part of `Settings`."""

    app: str = variable(
        "ORCHESTRATOR_APP",
        "app.main:app",
        "ASGI app to serve, as an import string `module:attribute`",
        "app.main:app",
        parse.import_string,
    )
    app_factory: bool = variable(
        "ORCHESTRATOR_APP_FACTORY",
        NO,
        "`true`: the import string names a function that returns the app",
        "true",
        parse.flag,
    )
    alembic_config: Path | None = variable(
        "ORCHESTRATOR_ALEMBIC_CONFIG",
        None,
        "Alembic's configuration file; default: ALEMBIC_CONFIG, else `alembic.ini` if it exists, else `pyproject.toml`",
        "alembic.ini",
        parse.existing_file,
    )
    alembic_default_config: Path | None = variable(
        "ALEMBIC_CONFIG",
        None,
        "Alembic's own variable for its configuration file",
        "alembic.ini",
        parse.none_if_empty(parse.existing_file),
        may_be_empty=True,
    )
    alembic_name: str = variable(
        "ORCHESTRATOR_ALEMBIC_NAME", "alembic", "section of alembic.ini, like `alembic --name`", "alembic"
    )
    alembic_x: str = variable(
        "ORCHESTRATOR_ALEMBIC_X",
        "",
        "arguments for env.py, like `alembic -x`; separate several with spaces",
        "tenant=acme",
        parse.arguments,
        may_be_empty=True,
    )
    target: str = variable(
        "ORCHESTRATOR_TARGET", "head", "revision to upgrade to; `heads` allows several heads", "head", parse.revision
    )
    migrate: bool = variable(
        "ORCHESTRATOR_MIGRATE",
        YES,
        "`false`: `serve` does not migrate; it waits until another task has brought the database to head",
        "false",
        parse.flag,
    )
    before_migrate: str = variable(
        "ORCHESTRATOR_BEFORE_MIGRATE",
        "",
        "command to run before the migration at every start, under the migration lock; split like a shell, run "
        "without one",
        "python -m app.prepare",
        parse.arguments,
    )
    after_migrate: str = variable(
        "ORCHESTRATOR_AFTER_MIGRATE",
        "",
        "command to run after the migration, in the same way: seeds, a first user",
        "python -m app.seed",
        parse.arguments,
    )
    hook_timeout_seconds: float = variable(
        "ORCHESTRATOR_HOOK_TIMEOUT_SECONDS", 300, "time limit for one such command", "300", parse.positive_seconds
    )
    embedded_database: parse.Embedded = variable(
        "ORCHESTRATOR_EMBEDDED_DATABASE",
        "forbid",
        "`allow`: use an SQLite file in the working directory if no database is configured",
        "allow",
        parse.choice(parse.Embedded),
    )
    host: str = variable(
        "ORCHESTRATOR_HOST",
        "127.0.0.1",
        "address to listen on; set `0.0.0.0` in an image",
        "0.0.0.0",  # noqa: S104  # an example
        parse.host_or_address,
    )
    port: int = variable("PORT", 8000, "port to listen on", "8000", parse.whole_number(1, 65_535))
    wait_timeout_seconds: float = variable(
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS", 300, "time limit for the database to answer", "300", parse.positive_seconds
    )
    connect_timeout_seconds: float = variable(
        "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS",
        5,
        "time limit for one connection attempt, login included",
        "5",
        parse.positive_seconds,
    )
    wait_for: str = variable(
        "ORCHESTRATOR_WAIT_FOR",
        "",
        "other services to wait for, separated by commas: `tcp://host:port`, or an `http://` or `https://` address"
        " that must answer with a 2xx status",
        "tcp://redis:6379,http://search:9200/_health",
        parse.services,
    )
    lock_timeout_seconds: float = variable(
        "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS",
        900,
        "time limit for the migration lock; time in which the holder provably makes progress does not count",
        "900",
        parse.positive_seconds,
    )
    lock_total_timeout_seconds: float | None = variable(
        "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS",
        None,
        "time limit for the same wait, even if the holder makes progress; default: none",
        "7200",
        parse.positive_seconds,
    )
    ddl_lock_timeout_seconds: float = variable(
        "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS",
        5,
        "how long a statement may wait for a table lock; other queries queue behind it",
        "5",
        parse.positive_seconds,
    )
    ddl_retry_seconds: float = variable(
        "ORCHESTRATOR_DDL_RETRY_SECONDS",
        300,
        "time limit for retrying a statement that reached that limit",
        "300",
        parse.seconds,
    )
    heartbeat_seconds: float = variable(
        "ORCHESTRATOR_HEARTBEAT_SECONDS",
        10,
        "interval between progress events during a long wait",
        "10",
        parse.positive_seconds,
    )
    when_ahead: parse.WhenAhead = variable(
        "ORCHESTRATOR_WHEN_AHEAD",
        "serve",
        "`fail`: exit 10 even when the journal proves that the database is only ahead of this image",
        "fail",
        parse.choice(parse.WhenAhead),
    )
    when_half_applied: parse.WhenHalfApplied = variable(
        "ORCHESTRATOR_WHEN_HALF_APPLIED",
        "resume",
        "`fail`: exit 8 even when a half-applied revision can provably be resumed",
        "fail",
        parse.choice(parse.WhenHalfApplied),
    )
