"""A secret's file: its content, its type, and the listeners of its changes."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from orchestrator.app.database import change_logins
from orchestrator.databases.app_login import Sighting
from orchestrator.databases.credential_refresh import Logins
from orchestrator.databases.waiting import Found
from orchestrator.logins.database_secrets import CredentialsError, read_secret_file
from orchestrator.logins.database_settings import MAX_SECRET_LENGTH
from orchestrator.logins.known_secrets import known_secrets
from tests.unit.environments import PARTS, fault, read, secret


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a secret's file."""
    file = tmp_path / "secret.json"
    file.write_text(secret(password="first"))
    return file


@pytest.mark.parametrize("key", ["username", "password", "host", "port", "dbname", "engine"])
def test_a_key_that_is_null_is_missing(key: str) -> None:
    """Templates write all keys; the parts give the missing ones."""
    text = secret(**{key: 0}).replace(f'"{key}": 0', f'"{key}": null')
    parts = PARTS | {"DATABASE_DRIVER": "mysql+asyncmy"}
    assert (
        read(**parts, DATABASE_SECRET=text).app_url() == read(**parts, DATABASE_SECRET=secret(**{key: None})).app_url()
    )


def test_what_rds_writes_besides_is_ignored() -> None:
    """Templates of rotations add whose secret it is."""
    more = {
        "masterarn": "arn:aws:...",
        "dbInstanceIdentifier": "plants",
        "dbClusterIdentifier": 1,
        "ssl": True,
        "x": {},
    }
    assert read(DATABASE_SECRET=secret(**more)).app_url() == read(DATABASE_SECRET=secret()).app_url()


def test_a_file_may_begin_with_a_byte_order_mark(file: Path) -> None:
    """Some editors cannot do without."""
    file.write_text(secret(password="ключ\n"), encoding="utf-8-sig")
    assert read(DATABASE_SECRET_FILE=str(file)).app_url().password == "ключ\n"


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


BROKEN: dict[str, Callable[[Path], object]] = {
    "a pipe": _pipe,
    "huge": lambda file: os.truncate(file, 2**40),
    "one byte too long": lambda file: file.write_text(" " * (MAX_SECRET_LENGTH + 1)),
    "not UTF-8": lambda file: file.write_bytes(b'{"password": "\xff"}'),
    "no JSON": lambda file: file.write_text('{"password": "fi'),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_file_that_is_not_a_secret_is_a_fault_and_does_not_block(file: Path, broken: str) -> None:
    """Reading a pipe without a writer would never end, and an endless file would fill the memory."""
    BROKEN[broken](file)
    known_secrets({"DATABASE_SECRET_FILE": str(file)})
    variable, problem = fault(DATABASE_SECRET_FILE=str(file))
    assert variable == "DATABASE_SECRET_FILE"
    assert "fi" not in problem.split()


def test_a_device_is_not_a_file() -> None:
    """It would be read without end."""
    with pytest.raises(CredentialsError, match="again and again"):
        read_secret_file("/dev/zero")


def test_a_file_that_is_just_being_written_is_looked_at_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sidecar may write it in the moment in which we start."""
    file.write_text("")
    monkeypatch.setattr(
        "orchestrator.logins.credentials.time.sleep", lambda _: file.write_text(secret(password="whole"))
    )
    assert read(DATABASE_SECRET_FILE=str(file)).app_url().password == "whole"


async def test_a_file_that_is_replaced_while_the_logins_change_is_waited_for(file: Path) -> None:
    """The migration has succeeded: the start must not end there."""
    credentials = read(DATABASE_SECRET_FILE=str(file), MIGRATION_DATABASE_USER="o", MIGRATION_DATABASE_PASSWORD="x")
    told, write = Mock(), file.write_text
    write("{")

    async def wait_for(_look: object) -> Found[Sighting]:
        write(secret())
        return Found(Sighting("server/plants", ()), 1, 0.0)

    await change_logins(credentials, wait_for, told)
    assert [call.args[0].name for call in told.mock_calls] == ["app_database_ready"]


def test_every_password_is_registered_before_it_can_be_used(file: Path) -> None:
    """Whoever reads it has it only after the log does."""
    told: list[str] = []
    credentials = read(DATABASE_SECRET_FILE=str(file), MIGRATION_DATABASE_PASSWORD="other")
    credentials.issued.listeners.append(told.extend)
    file.write_text(secret(password="second"))
    credentials.migration_url()
    assert told == ["second", "other"]


def test_a_login_of_the_file_is_renewed(file: Path) -> None:
    """However long ago it was read, and with the user if that changed too."""
    credentials = read(DATABASE_SECRET_FILE=str(file))
    for password in ("second", "third"):
        file.write_text(secret(username="rds_clone", password=password))
        credentials.app_url()
    for user, password in (("rds", "first"), ("rds_clone", "second"), ("rds_clone", "third")):
        now = credentials.issued.source(user, password)
        assert now
        assert (now().username, now().password) == ("rds_clone", "third")
    assert credentials.issued.source("rds", "third") is None
    assert credentials.issued.source("somebody", "else") is None


def test_the_migrations_user_is_renewed_as_itself_and_forgotten(file: Path) -> None:
    """It shares the file's password here, and is not the app's."""
    credentials = read(DATABASE_SECRET_FILE=str(file), MIGRATION_DATABASE_USER="owner")
    file.write_text(secret(password="second"))
    renewed = credentials.issued.source("owner", "first")
    assert renewed
    assert (renewed().username, renewed().password) == ("owner", "second")
    credentials.forget_migration()
    assert credentials.issued.source("owner", "first") is None
    assert credentials.issued.source("owner", "second") is None
    assert credentials.issued.source("rds", "first")


def test_without_a_file_nothing_is_kept() -> None:
    """There is nothing to renew, and so no second copy of a password."""
    credentials = read(**PARTS)
    assert credentials.issued.source("app", "s3cret") is None
    assert not credentials.rotates


def test_stored_lines_are_not_shown(file: Path) -> None:
    """By a print while debugging."""
    credentials = read(DATABASE_SECRET_FILE=str(file))
    assert "first" not in repr(credentials)


def test_reading_while_it_is_replaced_gives_one_or_the_other(file: Path) -> None:
    """A file that is renamed into its place is whole whenever it is read."""
    credentials = read(DATABASE_SECRET_FILE=str(file))
    done = threading.Event()

    def rotate() -> None:
        for number in range(300):
            new = file.with_suffix(".new")
            new.write_text(secret(password=f"number-{number}"))
            new.rename(file)
        done.set()

    thread = threading.Thread(target=rotate)
    thread.start()
    while not done.is_set():
        assert str(credentials.app_url().password).startswith(("first", "number-"))
    thread.join()


def test_a_new_connection_gets_the_login_that_the_file_has_now(file: Path) -> None:
    """User and password together; while the file is being written, the old login, which may still work."""
    credentials = read(DATABASE_SECRET_FILE=str(file))
    url = credentials.app_url()
    dialect, logins = url.get_dialect()(), Logins(credentials)
    parameters = {"user": url.username, "password": url.password, "host": "db"}
    file.write_text(secret(username="rds_clone", password="second"))
    logins.renew(dialect, None, [], parameters)
    assert parameters == {"user": "rds_clone", "password": b"second", "host": "db"}
    file.write_text("{")
    logins.renew(dialect, None, [], parameters)
    assert parameters == {"user": "rds_clone", "password": b"second", "host": "db"}


def test_a_login_that_is_not_ours_is_left_alone(file: Path) -> None:
    """The app may connect to other databases."""
    credentials = read(DATABASE_SECRET_FILE=str(file))
    dialect, parameters = credentials.app_url().get_dialect()(), {"user": "report", "password": "own"}
    file.write_text(secret(password="second"))
    Logins(credentials).renew(dialect, None, [], parameters)
    assert parameters == {"user": "report", "password": "own"}
