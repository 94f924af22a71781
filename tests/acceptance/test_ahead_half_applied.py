"""A revision that stopped half way, and images that do not have it: rolled back, or with others to apply instead."""

from pathlib import Path

import pytest

from tests.acceptance.images import image
from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, environment, go, migrate, stamped, tables, told
from tests.acceptance.outcome import failure
from tests.acceptance.plain import alembic
from tests.acceptance.test_resuming import CONCURRENTLY, killed
from tests.harness import Orchestrator, Project
from tests.servers import Database, backends

pytestmark = backends("mariadb", "mysql")

HALF = f"{CREATE.format('trees')}\n{WAIT_FOR_GO}\n{CREATE.format('ferns')}"
FAILS = CREATE.format("plants")


@pytest.fixture
def old(tmp_path: Path) -> Project:
    """Return the image before."""
    return image(tmp_path, "old", "r1 r2")


@pytest.fixture
def new(tmp_path: Path) -> Project:
    """Return the image whose revision stops half way."""
    return image(tmp_path, "new", "r1 r2 r3", r3=HALF)


@pytest.fixture
def other(tmp_path: Path) -> Project:
    """Return an image that has another revision in its place."""
    return image(tmp_path, "other", "r1 r2 other", other=CREATE.format("moss"))


def _rows(database: Database) -> dict[str, bool]:
    """Tell of each revision in the journal whether it is finished."""
    return dict(database.execute("SELECT revision, finished_at IS NOT NULL FROM orchestrator_journal"))


async def test_the_previous_image_serves_and_reports_the_half_applied_revision(
    old: Project, new: Project, database: Database
) -> None:
    """It needs no part of it, so the policy for databases that are ahead applies. The other image resumes it."""
    await migrate(old, database)
    await killed(new, database)
    async with Orchestrator("serve", env=environment(database), cwd=old.path) as process:
        await process.event("server_started")
        assert await process.stop() == 0
    (event,) = process.find("database_ahead", level="warning", lineage="proven", current_revision="r2")
    assert "r3 is half applied" in event["error_message"]
    assert "half applied" in event["hint"]
    failure(await migrate(old, database, ORCHESTRATOR_WHEN_AHEAD="fail"), "database_ahead", 10)
    assert (await migrate(new, database)).find("revision_resumed", revision="r3")
    assert tables(database) == ["ferns", "plants", "trees"]


async def test_nothing_is_applied_beside_it(old: Project, new: Project, other: Project, database: Database) -> None:
    """Two revisions would be mixed that were never tested together; the event names what is left of the first."""
    await migrate(old, database)
    await killed(new, database)
    failed = failure(await migrate(other, database), "migration_half_applied", 8)
    assert (failed["revision"], failed["error_type"]) == ("r3", "not_resumable")
    assert "CREATE TABLE trees" in failed["applied"][0], failed
    assert (stamped(database), tables(database)) == (["r2"], ["plants", "trees"])
    assert _rows(database) == {"r1": True, "r2": True, "r3": False}
    assert (await migrate(new, database)).exit_code == 0
    failed = failure(await migrate(other, database), "database_ahead", 10)
    assert failed["error_type"] == "diverged"


async def test_what_runs_now_is_not_judged(old: Project, new: Project, other: Project, database: Database) -> None:
    """Whoever has something to apply waits for the lock first, and judges what is there then."""
    await migrate(old, database)
    async with Orchestrator("migrate", env=environment(database), cwd=new.path) as process:
        await process.event("log", message="waiting for go")
        assert told(await migrate(old, database)) == ["database_ahead"]
        async with Orchestrator("migrate", env=environment(database), cwd=other.path) as waiting:
            await waiting.event("lock_waiting")
            go(new)
            assert await process.exit_code() == 0
            assert await waiting.exit_code() == 10
    assert waiting.find("database_ahead", error_type="diverged", current_revision="r3")


async def test_a_revision_that_failed_and_left_nothing_is_in_nobodys_way(
    tmp_path: Path, old: Project, other: Project, database: Database
) -> None:
    """Else nothing but its own image could be deployed any more, after a harmless failure."""
    await migrate(old, database)
    failure(await migrate(image(tmp_path, "bad", "r1 r2 r3", r3=FAILS), database), "migration_failed", 7)
    assert told(await migrate(old, database, ORCHESTRATOR_WHEN_AHEAD="fail")) == ["migrations_current"]
    assert (await migrate(other, database)).exit_code == 0
    assert stamped(database) == ["other"]


async def test_what_was_taken_back_by_hand_is_in_nobodys_way(
    old: Project, new: Project, other: Project, database: Database
) -> None:
    """Looking shows that nothing of it is left, and the journal learns it."""
    await migrate(old, database)
    await killed(new, database)
    database.execute("DROP TABLE trees")
    assert (await migrate(other, database)).exit_code == 0
    assert told(await migrate(other, database)) == ["migrations_current"]
    assert database.execute("SELECT count(*) FROM orchestrator_journal_statements") == [(0,)]


async def test_what_was_finished_by_hand_and_stamped_is_finished(
    tmp_path: Path, old: Project, new: Project, database: Database
) -> None:
    """No event reports it; the next migration closes its row, so that it could be applied from the top again."""
    await migrate(old, database)
    await killed(new, database)
    database.execute("CREATE TABLE ferns (id INTEGER)")
    await alembic(new, database, "stamp", "r3")
    assert told(await migrate(new, database)) == ["migrations_current"]
    assert told(await migrate(old, database)) == ["database_ahead"]
    assert _rows(database)["r3"] == 0
    newer = image(tmp_path, "newer", "r1 r2 r3 moss", r3=HALF, moss=CREATE.format("moss"))
    assert (await migrate(newer, database)).exit_code == 0
    assert all(_rows(database).values())
    assert database.execute("SELECT count(*) FROM orchestrator_journal_statements") == [(0,)]


@backends("postgresql")
async def test_what_stood_outside_of_transactions_is_half_applied_too(
    tmp_path: Path, old: Project, other: Project, database: Database
) -> None:
    """An index that was made concurrently stays."""
    new = image(tmp_path, "new", "r1 r2 r3", r3=CONCURRENTLY + WAIT_FOR_GO)
    await migrate(old, database)
    await killed(new, database)
    assert told(await migrate(old, database)) == ["database_ahead"]
    assert failure(await migrate(other, database), "migration_half_applied", 8)["revision"] == "r3"
    assert (await migrate(new, database)).find("revision_resumed", revision="r3")


@backends("sqlite", "postgresql")
async def test_where_ddl_is_transactional_there_are_no_halves(old: Project, new: Project, database: Database) -> None:
    """The image before finds its own head."""
    await migrate(old, database)
    await killed(new, database)
    assert told(await migrate(old, database, ORCHESTRATOR_WHEN_AHEAD="fail")) == ["migrations_current"]
