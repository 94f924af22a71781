"""What a start with wrong settings reports, and every variable that it may report."""

from pathlib import Path

from orchestrator.documentation.manual import variables
from tests.acceptance.outcome import failure
from tests.harness import Event, Result, run

WRONG: dict[str, tuple[str, ...]] = {
    "DATABASE_URL": (
        "nonsense",
        "mssql+pyodbc://app:s3cret@db/app",
        "mysql+pymysql://app:s3cret@db:99999/app",
        "mysql+pymysql://app:s3cret@db/app?ssl_ca=/nowhere.pem",
        "mysql+pymysql://app:s3cret@db/app?charset=klingon",
        "postgresql://app:s3cret@db/app?sslmode=sometimes",
        "mysql+pymysql://app:s3cr@tPart/abc?q@db:3306/app",
        "oracle+asyncmy://db/app",
        "mysql+asyncmy://app:s3@cret@db/app@",
        "mysql+asyncmy://app:s3cret@db:port/app",
        "mysql+asyncmy://app:s3cret@db",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite://",
    ),
    "DATABASE_SECRET": ("{", "[]", '{"password": {}}', '{"engine": "db2"}', "[" * 100_000, '{"port": "x"}'),
    "DATABASE_SECRET_FILE": ("/nowhere", "/", "\x01"),
    "DATABASE_DRIVER": ("mssql+pyodbc", "psycopg"),
    "DATABASE_HOST": (" db ", "db:3306", "mysql://db"),
    **dict.fromkeys(
        (
            "DATABASE_URL_FILE",
            "DATABASE_PASSWORD_FILE",
            "MIGRATION_DATABASE_URL_FILE",
            "MIGRATION_DATABASE_SECRET_FILE",
            "MIGRATION_DATABASE_PASSWORD_FILE",
        ),
        ("/nowhere", "/"),
    ),
    "MIGRATION_DATABASE_HOST": ("db:3306",),
    "MIGRATION_DATABASE_PORT": ("0", "x"),
    "DATABASE_PORT": ("0", "65536", "-1", "3306.0", "٣", "x"),
    "DATABASE_SSL_CA": ("/nowhere.pem", "/", "/etc/passwd"),
    "DATABASE_IAM_AUTH": ("maybe",),
    "MIGRATION_DATABASE_URL": ("nonsense", "mssql://db/app"),
    "MIGRATION_DATABASE_SECRET": ("nonsense", "[]"),
    "ORCHESTRATOR_APP": ("app.main", "app main:app", "../app:app", "app.main:app; import os"),
    "ORCHESTRATOR_APP_FACTORY": ("maybe",),
    "ALEMBIC_CONFIG": ("/nowhere/alembic.ini",),
    "ORCHESTRATOR_ALEMBIC_X": ("'a",),
    "ORCHESTRATOR_ALEMBIC_CONFIG": ("/nowhere/alembic.ini", "/"),
    "ORCHESTRATOR_TARGET": ("base", "+1", "-1", "a b", "a:b"),
    "ORCHESTRATOR_BEFORE_MIGRATE": ("python -c 'a", '"'),
    "ORCHESTRATOR_AFTER_MIGRATE": ("python -c 'a",),
    "ORCHESTRATOR_WAIT_FOR": ("redis:6379", "tcp://redis", "ftp://host/"),
    "ORCHESTRATOR_MIGRATE": ("maybe",),
    "ORCHESTRATOR_EMBEDDED_DATABASE": ("perhaps",),
    "ORCHESTRATOR_HOST": ("256.0.0.1", "a b", "-x", "host:80"),
    "PORT": ("0", "65536", "-1", "8000.5", "http", "8000 ;"),
    **dict.fromkeys(
        (
            "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS",
            "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS",
            "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS",
            "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS",
            "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS",
            "ORCHESTRATOR_HEARTBEAT_SECONDS",
            "ORCHESTRATOR_HOOK_TIMEOUT_SECONDS",
            "ORCHESTRATOR_SHUTDOWN_SECONDS",
        ),
        ("0", "-1", "nan", "inf", "1e400", "5s", "86401"),
    ),
    **dict.fromkeys(("ORCHESTRATOR_DDL_RETRY_SECONDS", "ORCHESTRATOR_DRAIN_SECONDS"), ("-1", "nan", "inf", "5s")),
    "ORCHESTRATOR_WHEN_AHEAD": ("ignore",),
    "ORCHESTRATOR_WHEN_HALF_APPLIED": ("retry",),
    "ORCHESTRATOR_LOG_CONFIG": ("/nowhere.yaml", "/"),
    "ORCHESTRATOR_LOG_LEVEL": ("loud", "10"),
    "ORCHESTRATOR_LOG_FORMAT": ("xml",),
    "ORCHESTRATOR_SERVICE": ("a\nb", "\x1b[31m"),
    "ORCHESTRATOR_VERSION": ("1\n2",),
    "ORCHESTRATOR_LIVE_PATH": ("livez", "/a b", "/ü", "/a?b", "/a%20b"),
    "ORCHESTRATOR_READY_PATH": ("readyz", "/a\n"),
    "ORCHESTRATOR_STARTUP_PATH": ("startupz",),
    "ORCHESTRATOR_STATUS_DETAIL": ("all",),
    "ORCHESTRATOR_METRICS": ("statsd",),
    "ORCHESTRATOR_METRICS_NAMESPACE": ("a\nb", ""),
    "ORCHESTRATOR_ENVIRONMENT": ("a\nb",),
    "FORWARDED_ALLOW_IPS": ("10.0.0.1\n",),
    "WEB_CONCURRENCY": ("2", "0", "many"),
}


OURS = [name for name in WRONG if not name.startswith(("DATABASE_", "MIGRATION_"))]
EVERY = [row.name for row in variables()]


def reported(result: Result) -> Event:
    """Return the single event that lists the faults; the only other one is the last event."""
    failed = failure(result, "settings_invalid", 78)
    told = [event["event"] for event in result.events if event["event"] != "process_started"]  # before env.py is asked
    assert told == ["settings_invalid", "state_changed", "startup_failed"]
    assert failed["fault_count"] == len(failed["faults"]) == len(failed["variables"])
    assert [fault["variable"] for fault in failed["faults"]] == failed["variables"]
    for fault in failed["faults"]:
        assert fault["problem"]
        assert "example" in fault
    assert "Traceback" not in "".join(result.lines)
    return failed


async def refused(env: dict[str, str], cwd: Path) -> list[str]:
    """Return the variables at fault."""
    names: list[str] = reported(await run("serve", env=env, cwd=cwd))["variables"]
    return names
