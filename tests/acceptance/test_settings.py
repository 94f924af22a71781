"""Settings: a start with a wrong one ends before any change, and one event lists all faults."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from orchestrator.documentation.manual import variables
from tests.acceptance.outcome import failure
from tests.harness import Event, Result, make_project, run, together

HUGE = "x" * 50_000  # 2 MB are the kernel's limit for all variables together

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
ANYTHING_GOES = {
    "DATABASE_NAME",
    "DATABASE_USER",
    "DATABASE_PASSWORD",
    "MIGRATION_DATABASE_NAME",
    "MIGRATION_DATABASE_USER",
    "MIGRATION_DATABASE_PASSWORD",
    "ORCHESTRATOR_ALEMBIC_NAME",
}
PARTS = {"DATABASE_HOST": "db", "DATABASE_NAME": "app", "DATABASE_USER": "app"}
EVERY = [row.name for row in variables()]
MAY_BE_EMPTY = {
    "DATABASE_PASSWORD",
    "MIGRATION_DATABASE_PASSWORD",
    "ALEMBIC_CONFIG",
    "ORCHESTRATOR_ALEMBIC_X",
    "ORCHESTRATOR_VERSION",
    "ORCHESTRATOR_LIVE_PATH",
    "ORCHESTRATOR_READY_PATH",
    "ORCHESTRATOR_STARTUP_PATH",
    "ORCHESTRATOR_ENVIRONMENT",
    "FORWARDED_ALLOW_IPS",
}


def _told(result: Result) -> Event:
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


async def _refused(env: dict[str, str], cwd: Path) -> list[str]:
    """Return the variables at fault."""
    names: list[str] = _told(await run("serve", env=env, cwd=cwd))["variables"]
    return names


def test_every_variable_is_tried_here() -> None:
    """A new one is added above."""
    assert {*WRONG, *ANYTHING_GOES} == set(EVERY)


def _others(name: str) -> dict[str, str]:
    """Return the other parts that an address needs, so that this part counts."""
    part = name.startswith("DATABASE_") and not name.startswith(("DATABASE_URL", "DATABASE_SECRET", "DATABASE_SSL"))
    return PARTS if part else {}


@pytest.mark.timeout(300)  # some eighty processes
async def test_a_wrong_value_is_reported_with_the_name_of_its_variable(tmp_path: Path) -> None:
    """One at a time, so that none hides behind another; nothing is touched, not even the port."""
    slots = asyncio.Semaphore(4)

    async def check(name: str, value: str) -> None:
        async with slots:
            assert await _refused(_others(name) | {name: value}, tmp_path) == [name], (name, value)

    database = [(name, value) for name in WRONG if name not in OURS for value in WRONG[name]]
    await together(*(check(*each) for each in [*database, *((name, WRONG[name][0]) for name in OURS)]))
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - nothing runs beside it


async def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    """A person who corrects them deploys once, instead of once per fault, for every kind of fault."""
    database = ("DATABASE_URL", "DATABASE_SSL_CA", "MIGRATION_DATABASE_URL")
    for number in range(max(len(values) for values in WRONG.values())):
        for half in (OURS[::2], OURS[1::2]):  # all of them would not fit into one line
            wrong = {name: WRONG[name][number % len(WRONG[name])] for name in (*half, *database)}
            assert await _refused(wrong, tmp_path) == sorted(wrong)


async def test_parts_that_are_missing_are_reported_at_once(tmp_path: Path) -> None:
    """With a host alone, two more are needed; without one of the three, the URL is. Env.py was asked before."""
    tmp_path = make_project(tmp_path / "project").path
    assert await _refused({"DATABASE_HOST": "db"}, tmp_path) == ["DATABASE_NAME", "DATABASE_USER"]
    assert await _refused({"DATABASE_DRIVER": "mysql+asyncmy"}, tmp_path) == ["DATABASE_URL"]


async def test_an_empty_variable_is_a_fault(tmp_path: Path) -> None:
    """A template leaves it if its value did not arrive; it is valid only if an empty value has a meaning."""
    empty = [name for name in EVERY if name not in MAY_BE_EMPTY]
    assert await _refused(dict.fromkeys(empty, ""), tmp_path) == sorted(empty)


async def test_a_huge_variable_is_a_fault_and_not_repeated(tmp_path: Path) -> None:
    """Fifty thousand characters are a mistake; the line about it is not as long."""
    failed = _told(await run("serve", env=dict.fromkeys(OURS, HUGE), cwd=tmp_path))
    assert failed["variables"] == sorted(OURS)
    assert HUGE[:500] not in json.dumps(failed)


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_SECRET", "DATABASE_SSL_CA", "DATABASE_PORT"])
async def test_a_huge_database_variable_is_a_fault(name: str, tmp_path: Path) -> None:
    """A secret may be long, but not of any shape."""
    failed = _told(await run("serve", env={**(PARTS if name == "DATABASE_PORT" else {}), name: HUGE}, cwd=tmp_path))
    assert failed["variables"] == [name]
    assert HUGE[:500] not in json.dumps(failed)


async def test_bytes_that_are_no_text_are_a_fault(tmp_path: Path) -> None:
    """An environment may hold any byte but one."""
    value = os.fsdecode(b"\xff\xfe")
    for name in ("ORCHESTRATOR_APP", "ORCHESTRATOR_LOG_CONFIG", "DATABASE_URL", "PORT"):
        assert await _refused({name: value}, tmp_path) == [name]


async def test_an_unknown_variable_is_a_fault_with_the_nearest_name(tmp_path: Path) -> None:
    """A typo must not pass as a setting that is not set."""
    failed = _told(await run("serve", env={"ORCHESTRATOR_WAIT_TIMEOUT_SECOND": "5"}, cwd=tmp_path))
    (fault,) = failed["faults"]
    assert fault["variable"] == "ORCHESTRATOR_WAIT_TIMEOUT_SECOND"
    assert "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS" in fault["problem"]


async def test_any_other_unknown_variable_is_a_warning(tmp_path: Path) -> None:
    """Kubernetes injects some for a Service called `orchestrator`: a start that refused them would never start."""
    env = {"ORCHESTRATOR_SERVICE_HOST": "10.0.0.7", "ORCHESTRATOR_PORT": "tcp://10.0.0.7:80", "ORCHESTRATOR_X": "1"}
    env |= {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "20"}
    result = await run("wait", env=env, cwd=tmp_path)
    unknown, of_kubernetes = [event["message"] for event in result.find("log") if event["level"] == "warning"]
    assert "ORCHESTRATOR_X." in unknown
    assert "ORCHESTRATOR_SERVICE_HOST" in of_kubernetes
    assert result.exit_code == 0


async def test_too_many_faults_for_a_line_do_not_cost_the_line(tmp_path: Path) -> None:
    """A thousand typos are still one line, and its count is right."""
    env = {f"ORCHESTRATOR_LOG_LEVEL{number:04}": "x" for number in range(1000)}
    result = await run("serve", env=env, cwd=tmp_path)
    (failed,) = result.find("settings_invalid")
    assert (result.exit_code, failed["fault_count"], result.noise, result.stderr) == (78, 1000, [], "")
    assert max(len(line.encode()) for line in result.lines) <= 16_000


async def test_values_that_contradict_each_other_are_a_fault(tmp_path: Path) -> None:
    """Each of them is right, by itself."""
    tmp_path = make_project(tmp_path / "project").path  # whose env.py has no address
    cases = (
        ({"ORCHESTRATOR_DRAIN_SECONDS": "30"}, ["ORCHESTRATOR_DRAIN_SECONDS"]),
        ({"ORCHESTRATOR_LIVE_PATH": "/readyz"}, ["ORCHESTRATOR_LIVE_PATH"]),
        ({"DATABASE_URL": "sqlite+aiosqlite:///x.db", "DATABASE_HOST": "db"}, ["DATABASE_HOST"]),
        ({"DATABASE_SECRET": "{}", "DATABASE_SECRET_FILE": "/x"}, ["DATABASE_SECRET_FILE"]),
        ({"MIGRATION_DATABASE_URL": "mysql://x@h/n", "MIGRATION_DATABASE_USER": "y"}, ["MIGRATION_DATABASE_USER"]),
        ({"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid"}, ["DATABASE_URL"]),
    )
    for env, expected in cases:
        assert await _refused(env, tmp_path) == expected


BROKEN_YAML = {
    "no YAML": "a: [",
    "a list": "- a",
    "a word": "hello",
    "nothing": "",
    "another version": "version: 2",
    "no such class": "version: 1\nhandlers: {x: {class: no.Such}}\nroot: {handlers: [x]}",
    "no such handler": "version: 1\nroot: {handlers: [x]}",
    "no such level": "version: 1\nroot: {level: LOUD}",
    "a formatter that fails": "version: 1\nformatters: {x: {(): orchestrator.log.formatter, format: 3, more: 4}}",
    "a tag": "!!python/object/apply:os.system ['touch owned']",
    "binary": "\x00\x01",
}


async def test_an_invalid_logging_configuration_is_a_fault_of_its_variable(tmp_path: Path) -> None:
    """It is reported with the packaged configuration, in the usual format; and it runs no code."""
    slots = asyncio.Semaphore(3)

    async def check(number: int, text: str) -> None:
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        async with slots:
            assert await _refused({"ORCHESTRATOR_LOG_CONFIG": str(file)}, tmp_path) == ["ORCHESTRATOR_LOG_CONFIG"], text

    await together(*(check(number, text) for number, text in enumerate(BROKEN_YAML.values())))
    assert not (tmp_path / "owned").exists()


async def test_a_logging_yaml_beside_the_app_that_is_not_ours_is_named_and_not_used(tmp_path: Path) -> None:
    """It may be meant for another program; lines stay JSON without secrets."""
    (tmp_path / "logging.yaml").write_text("a: [")
    result = await run("wait", env={"ORCHESTRATOR_EMBEDDED_DATABASE": "allow"}, cwd=tmp_path)
    assert result.exit_code == 0
    (warning,) = result.find("log", level="warning")
    assert "logging.yaml" in warning["message"]


@pytest.mark.parametrize("command", ["wait", "migrate", "serve"])
async def test_every_command_looks_at_the_settings_first(command: str, tmp_path: Path) -> None:
    """Whatever it needs of them."""
    failed = _told(await run(command, env={"PORT": "x"}, cwd=tmp_path))
    assert failed["variables"] == ["PORT"]


async def test_a_secret_is_not_in_the_fault_about_it(tmp_path: Path) -> None:
    """A malformed value may still hold the password."""
    values = {
        "DATABASE_URL": "mssql://app:hu5h-hu5h@db/app",
        "MIGRATION_DATABASE_URL": "mysql+asyncmy://app:hu5h@hu5h-hu5h@db:x/app",
        "DATABASE_SECRET": '{"password": "hu5h-hu5h", ',
        "MIGRATION_DATABASE_SECRET": '["hu5h-hu5h"]',
        "DATABASE_PORT": "hu5h-hu5h",
    }
    for name, value in values.items():
        result = await run("serve", env={name: value}, cwd=tmp_path)
        assert name in _told(result)["variables"]
        assert "hu5h" not in "".join(result.lines)


# ---------------------------------------------------------------- usage and help


@pytest.mark.parametrize(
    "arguments",
    [
        ["sevre"],
        ["--no-such"],
        ["serve", "--port", "1"],
        ["serve", "now"],
        ["wait", "--json"],
        ["migrate", "\n\x1b[31m"],
    ],
)
async def test_an_error_of_usage_is_one_line_on_stderr(arguments: list[str], tmp_path: Path) -> None:
    """And exit code 64; the log has its last event, if any command was meant that writes one."""
    result = await run(*arguments, cwd=tmp_path)
    assert (result.exit_code, result.noise) == (64, [])
    assert [event["event"] for event in result.events][-1:] in ([], ["startup_failed"])
    assert result.stderr.startswith("orchestrator: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert "Traceback" not in result.stderr


async def test_the_help_of_serve_names_every_variable(tmp_path: Path) -> None:
    """A person without the documentation looks there; wrong settings do not prevent it."""
    result = await run("serve", "--help", env={"PORT": "x", "COLUMNS": "200"}, cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [name for name in EVERY if name not in "\n".join(result.lines)] == []


async def test_help_and_version_need_nothing(tmp_path: Path) -> None:
    """No settings, no database, no project."""
    for option in ("--help", "-h", "--version"):
        result = await run(option, env={"ORCHESTRATOR_TYPO": "x"}, cwd=tmp_path)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.lines
