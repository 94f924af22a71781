"""One database, one lock, for every client name of it; two databases, two locks, for any names."""

import contextlib
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.integration.contenders import Contender, contender
from tests.servers import Database, MariaDB, Server, backends

LONG = "app_" + "x" * 58  # PostgreSQL's limit is 63 bytes
ODD = [
    f"{LONG}1",
    f"{LONG}2",
    "app_Rose",
    "app_rose",
    "app_'rose",
    "app_ro se",
    "app_röse",
    "app_バラ",
    "app_%s",
]


@backends("mariadb", "postgresql", "mysql")
def test_odd_names_of_databases_have_locks_of_their_own(server: Server) -> None:
    """Long ones that differ at their end only, capitals, quotes and other alphabets: a name of a lock is short."""
    with contextlib.ExitStack() as stack:
        locks = []
        for name in ODD:
            database = server.create_database(name)
            stack.callback(server.drop_database, database)
            locks.append(stack.enter_context(contender(database)).lock)
        assert [lock.try_acquire() for lock in locks] == [True] * len(ODD)
        assert [lock.is_held() for lock in locks] == [True] * len(ODD)
        assert len({lock.name for lock in locks}) == len(ODD)
        if server.backend != "postgresql":
            assert max(len(lock.name) for lock in locks) <= 64


@backends("mariadb", "mysql")
@pytest.mark.parametrize("name", ["app_" + "x" * 60, "app_Röse", "app_バラ"])
def test_a_name_does_not_depend_on_the_character_set_of_the_connection(server: Server, name: str) -> None:
    """One without the name's letters gets question marks for them, which would make another lock."""
    database = server.create_database(name)
    latin = make_url(database.url).set(query={"init_command": "SET NAMES latin1"})
    try:
        with (
            contender(database) as first,
            contender(Database(latin.render_as_string(hide_password=False), database.backend)) as second,
        ):
            assert first.lock.name == second.lock.name
    finally:
        server.drop_database(database)


def test_a_server_that_ignores_case_has_one_lock_for_all_spellings() -> None:
    """With lower_case_table_names=1, the default on Windows, `USE APP` and `USE app` are the same."""
    with MariaDB("--lower-case-table-names=1") as server:
        database = server.create_database("app_rose")
        shouted = Database(database.url.replace("app_rose", "APP_ROSE"), database.backend)
        with contender(database) as first, contender(shouted) as second:
            assert first.lock.try_acquire()
            assert not second.lock.try_acquire()


@backends("sqlite")
@pytest.mark.parametrize("way", ["relative", "link", "linked directory"])
def test_all_ways_to_a_file_lead_to_its_one_lock(
    database: Database, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deployments may write its path differently."""
    file = Path(database.name)
    (tmp_path / "link.db").symlink_to(file)
    (tmp_path / "elsewhere").symlink_to(file.parent)
    monkeypatch.chdir(file.parent)
    other = {
        "relative": file.name,
        "link": tmp_path / "link.db",
        "linked directory": tmp_path / "elsewhere" / file.name,
    }
    with contender(database) as first, contender(Database(f"sqlite+aiosqlite:///{other[way]}", "sqlite")) as second:
        assert first.lock.try_acquire()
        assert not second.lock.try_acquire()


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
def test_a_database_in_memory_leaves_no_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to this process alone, so its lock is free; and its directory may be read-only."""
    monkeypatch.chdir(tmp_path)
    with contender(Database(url, "sqlite")) as only:
        assert only.lock.try_acquire()
        assert only.lock.is_held()
    assert list(tmp_path.iterdir()) == []


def test_the_names_of_locks_are_known(contenders: list[Contender], database: Database) -> None:
    """Alarms, runbooks and people look for them: `orchestrator:` and the database; or a file beside the database's."""
    expected = f"{database.name}.migrate.lock" if database.backend == "sqlite" else f"orchestrator:{database.name}"
    assert {each.lock.name for each in contenders} == {expected}
