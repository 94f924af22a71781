"""The bundle of RDS, and what of TLS passes and what does not."""

import asyncio
import datetime as dt
import os
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, run
from tests.servers import HOST, Database, MariaDB, PostgreSQL, certificates
from tests.servers.peers import Peer, listening, reset
from tests.servers.private import PrivateServer

MAKES = [MariaDB, PostgreSQL]
BUDGET = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "30"}


def _env(database: Database, ca_file: Path) -> dict[str, str]:
    return BUDGET | {"DATABASE_URL": database.url, "DATABASE_SSL_CA": str(ca_file)}


def _bundle(directory: Path, right: Path | None, others: int = 110) -> Path:
    """Write a bundle like that of RDS: an authority a region, words in between, ours somewhere in the middle."""
    parts = []
    for number in range(others):
        certificates.make(directory, [HOST])
        parts.append(f"# region-{number}\n{(directory / certificates.AUTHORITY).read_text()}\n")
    if right:
        parts.insert(others // 2, right.read_text())
    bundle = directory / "global-bundle.pem"
    bundle.write_text("".join(parts))
    return bundle


@pytest.fixture
def days_ago(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make certificates as they were made some days ago: each is good from the day before to the day after."""

    def travel(days: int) -> None:
        then = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda _: then), timedelta=dt.timedelta, UTC=dt.UTC)
        monkeypatch.setattr(certificates, "dt", clock)

    return travel


@pytest.mark.parametrize("make", MAKES)
async def test_the_right_authority_is_found_among_a_hundred(make: type[PrivateServer], tmp_path: Path) -> None:
    """RDS's global bundle has one a region and generation; which one signed is the server's business."""
    with make(certificate_for=[HOST]) as server:
        database = server.create_database()
        right = await run("wait", env=_env(database, _bundle(tmp_path, server.ca_file)), cwd=tmp_path)
        wrong = await run("wait", env=_env(database, _bundle(tmp_path, None, others=3)), cwd=tmp_path)
    assert right.exit_code == 0, right.story()
    assert failure(wrong, "database_refused", 5)["error_type"] == "tls"


async def test_authorities_that_have_expired_do_no_harm_to_the_others(
    tmp_path: Path, days_ago: Callable[[int], None]
) -> None:
    """A bundle is mounted once and lives for years."""
    with PostgreSQL(certificate_for=[HOST]) as server:
        database = server.create_database()
        days_ago(30)
        bundle = _bundle(tmp_path, server.ca_file, others=3)
        result = await run("wait", env=_env(database, bundle), cwd=tmp_path)
    assert result.exit_code == 0, result.story()


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("days", [30, -30])
async def test_a_certificate_out_of_its_time_is_refused_at_once(
    make: type[PrivateServer], tmp_path: Path, days_ago: Callable[[int], None], days: int
) -> None:
    """Waiting does not help, even if it is the local clock that is wrong; the message names the reason."""
    days_ago(days)
    with make(certificate_for=[HOST]) as server:
        result = await run("wait", env=_env(server.create_database(), server.ca_file), cwd=tmp_path)
    failed = failure(result, "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("tls", 1)
    assert ("expired" if days > 0 else "not yet valid") in failed["error_message"]


BROKEN: dict[str, Callable[[Path], object]] = {
    "missing": lambda _: None,
    "empty": Path.touch,
    "a directory": Path.mkdir,
    "a pipe": os.mkfifo,
    "no certificate": lambda path: path.write_text("Dear diary"),
    "half a certificate": lambda path: path.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n"),
    "not text": lambda path: path.write_bytes(bytes(range(256))),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_an_invalid_ca_bundle_is_a_fault_of_the_settings(tmp_path: Path, broken: str) -> None:
    """Before the database is asked; a volume that is not mounted must not mean TLS without verification."""
    bundle = tmp_path / "bundle.pem"
    BROKEN[broken](bundle)
    env = {"DATABASE_URL": f"postgresql+asyncpg://u:p@{HOST}:1/d", "DATABASE_SSL_CA": str(bundle)}
    result = await run("wait", env=env, cwd=tmp_path)
    assert failure(result, "settings_invalid", 78)["variables"] == ["DATABASE_SSL_CA"]


# ---------------------------------------------------------------- a handshake that breaks off

End = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


def _postgresql(end: End) -> Peer:
    """Agree to TLS, and then send other data."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        await reader.read(1)
        end(reader, writer)
        await reader.read()

    return peer


def _mysql(end: End) -> Peer:
    """Offer TLS, and then send other data."""
    low, high = b"\x08\x8a", b"\x08\0"  # PROTOCOL_41, SECURE_CONNECTION, SSL, CONNECT_WITH_DB; PLUGIN_AUTH
    greeting = b"\x0a8.0.36\0" + b"\1\0\0\0" + b"s" * 8 + b"\0" + low + b"\x2d\2\0" + high
    greeting += b"\x15" + bytes(10) + b"s" * 12 + b"\0mysql_native_password\0"

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack("<I", len(greeting)) + greeting)
        await reader.readexactly(36)
        await reader.read(1)
        end(reader, writer)
        await reader.read()

    return peer


PEERS = {"postgresql+asyncpg": _postgresql, "mysql+asyncmy": _mysql}


def _env_of(driver: str, port: int, directory: Path) -> dict[str, str]:
    certificates.make(directory, [HOST])
    url = f"{driver}://gardener:s3cret@{HOST}:{port}/plants"
    return BUDGET | {"DATABASE_URL": url, "DATABASE_SSL_CA": str(directory / certificates.AUTHORITY)}


@pytest.mark.parametrize("driver", PEERS)
@pytest.mark.parametrize("end", [lambda _, writer: writer.write_eof(), lambda _, writer: reset(writer)])
async def test_a_handshake_that_is_cut_off_is_tried_again(tmp_path: Path, driver: str, end: End) -> None:
    """A server that goes down, a balancer that has none behind it: the next attempt may well succeed."""
    async with (
        listening(PEERS[driver](end)) as peer,
        Orchestrator("wait", env=_env_of(driver, peer.port, tmp_path), cwd=tmp_path) as process,
    ):
        await process.event("database_retry_scheduled", error_type="connection_lost", attempt=2)
        assert await process.stop() == 12


@pytest.mark.parametrize("driver", PEERS)
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes.fromhex("15030300020228")])
async def test_a_handshake_that_fails_is_final(tmp_path: Path, driver: str, answer: bytes) -> None:
    """What answers speaks no TLS, or (an alert) none that both know."""

    def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.write_eof()

    async with listening(PEERS[driver](end)) as peer:
        result = await run("wait", env=_env_of(driver, peer.port, tmp_path), cwd=tmp_path)
    failed = failure(result, "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("tls", 1)
