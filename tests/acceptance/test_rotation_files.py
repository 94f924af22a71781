"""The secret's file in the middle of its change: broken for a moment, or a link that is swapped."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.outcome import failure
from tests.acceptance.rotating import NEW, OLD, Secret, assert_secret
from tests.harness import Orchestrator, run
from tests.servers import Database, Server, backends


@pytest.fixture
def secret(database: Database, server: Server, tmp_path: Path) -> Secret:
    """Return a user with a separate secret."""
    return Secret(database, server, tmp_path)


def _empty(file: Path) -> None:
    file.write_text("")


def _half(file: Path) -> None:
    text = file.read_text()
    file.write_text(text[: len(text) // 2])


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _huge(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(2**40)  # sparse: it takes no room


def _circle(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


def _latin(file: Path) -> None:
    file.write_bytes(file.read_text().replace("gardener", "gärtner").encode("latin-1"))


BROKEN: dict[str, Callable[[Path], None]] = {
    "empty": _empty,
    "half written": _half,
    "gone": Path.unlink,
    "a pipe": _pipe,
    "a directory": _directory,
    "huge": _huge,
    "a circle of links": _circle,
    "not UTF-8": _latin,
}


@backends("mariadb")
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_file_that_is_broken_for_a_moment_is_waited_for(secret: Secret, tmp_path: Path, broken: str) -> None:
    """Its volume is mounted again, for example; the event has the cause, and nothing hangs."""
    server, secret.url = secret.url, secret.url.set(port=1)
    secret.write(OLD)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="refused")
        BROKEN[broken](secret.file)
        told = await process.event("database_retry_scheduled", error_type="credentials_file")
        secret.file.rmdir() if secret.file.is_dir() else secret.file.unlink(missing_ok=True)
        secret.url = server
        secret.write(OLD)
        await process.event("database_ready")
        assert await process.exit_code() == 0
    assert "DATABASE_SECRET_FILE" in told["error_message"]
    assert_secret(process)
    assert "rtner" not in process.story()


@backends("mariadb")
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_start_with_a_broken_file_says_so(secret: Secret, tmp_path: Path, broken: str) -> None:
    """Before any change; a pipe without a writer must not block the start."""
    BROKEN[broken](secret.file)
    result = await run("wait", env=secret.env, cwd=tmp_path)
    failed = failure(result, "settings_invalid", 78)
    assert failed["variables"] == ["DATABASE_SECRET_FILE"]
    assert_secret(result)


@backends("postgresql")
async def test_a_link_that_is_swapped_is_followed_each_time(secret: Secret, tmp_path: Path) -> None:
    """As Kubernetes mounts a secret: file -> ..data/file, and ..data -> the newest directory."""
    for name, password in (("..1", OLD), ("..2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret.json").write_text(secret.text(password))
    secret.file.unlink()
    (tmp_path / "..data").symlink_to("..1")
    secret.file.symlink_to("..data/secret.json")
    secret.alter(NEW)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials")
        (tmp_path / "..swap").symlink_to("..2")
        (tmp_path / "..swap").rename(tmp_path / "..data")
        await process.event("database_ready", attempts=2)
        assert await process.exit_code() == 0
