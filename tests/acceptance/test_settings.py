"""Settings: a start with a wrong one ends before any change, and one event lists all faults."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.acceptance.settings_faults import EVERY, OURS, WRONG, refused, reported
from tests.harness import run, together

HUGE = "x" * 50_000  # 2 MB are the kernel's limit for all variables together


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
            assert await refused(_others(name) | {name: value}, tmp_path) == [name], (name, value)

    database = [(name, value) for name in WRONG if name not in OURS for value in WRONG[name]]
    await together(*(check(*each) for each in [*database, *((name, WRONG[name][0]) for name in OURS)]))
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - nothing runs beside it


async def test_an_empty_variable_is_a_fault(tmp_path: Path) -> None:
    """A template leaves it if its value did not arrive; it is valid only if an empty value has a meaning."""
    empty = [name for name in EVERY if name not in MAY_BE_EMPTY]
    assert await refused(dict.fromkeys(empty, ""), tmp_path) == sorted(empty)


async def test_a_huge_variable_is_a_fault_and_not_repeated(tmp_path: Path) -> None:
    """Fifty thousand characters are a mistake; the line about it is not as long."""
    failed = reported(await run("serve", env=dict.fromkeys(OURS, HUGE), cwd=tmp_path))
    assert failed["variables"] == sorted(OURS)
    assert HUGE[:500] not in json.dumps(failed)


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_SECRET", "DATABASE_SSL_CA", "DATABASE_PORT"])
async def test_a_huge_database_variable_is_a_fault(name: str, tmp_path: Path) -> None:
    """A secret may be long, but not of any shape."""
    failed = reported(await run("serve", env={**(PARTS if name == "DATABASE_PORT" else {}), name: HUGE}, cwd=tmp_path))
    assert failed["variables"] == [name]
    assert HUGE[:500] not in json.dumps(failed)


async def test_bytes_that_are_no_text_are_a_fault(tmp_path: Path) -> None:
    """An environment may hold any byte but one."""
    value = os.fsdecode(b"\xff\xfe")
    for name in ("ORCHESTRATOR_APP", "ORCHESTRATOR_LOG_CONFIG", "DATABASE_URL", "PORT"):
        assert await refused({name: value}, tmp_path) == [name]


@pytest.mark.parametrize("command", ["wait", "migrate", "serve"])
async def test_every_command_looks_at_the_settings_first(command: str, tmp_path: Path) -> None:
    """Whatever it needs of them."""
    failed = reported(await run(command, env={"PORT": "x"}, cwd=tmp_path))
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
        assert name in reported(result)["variables"]
        assert "hu5h" not in "".join(result.lines)
