"""A database at a revision that nothing proves to follow this image's: no policy allows a guess."""

from pathlib import Path

import pytest

from tests.acceptance.images import image
from tests.acceptance.migrations import migrate, stamped, told
from tests.acceptance.outcome import failure
from tests.acceptance.plain import alembic
from tests.harness import Result
from tests.servers import Database, Server, backends
from tests.servers.database import execute


def _unknown(result: Result, reason: str, words: str) -> None:
    """Check that it ended at once, and that the event describes the difference."""
    failed = failure(result, "database_ahead", 10)
    assert (failed["lineage"], failed["error_type"]) == ("unknown", reason)
    assert words in failed["error_message"]
    assert told(result) == ["database_ahead", "startup_failed"]


async def test_what_plain_alembic_has_applied_is_of_unknown_lineage(tmp_path: Path, database: Database) -> None:
    """No row shows which revision it follows; with or without a journal."""
    v1, v2 = image(tmp_path, "v1", "r1 r2"), image(tmp_path, "v2", "r1 r2 r3")
    await alembic(v2, database, "upgrade", "head")
    _unknown(await migrate(v1, database), "no_record", "the lineage of r3 is not known")
    await alembic(v2, database, "downgrade", "r1")
    assert (await migrate(v1, database)).exit_code == 0
    await alembic(v2, database, "upgrade", "head")
    _unknown(await migrate(v1, database), "no_record", "the lineage of r3 is not known")
    assert told(await migrate(v2, database)) == ["migrations_current"]


@backends("sqlite", "postgresql")
async def test_a_gap_in_the_journal_proves_nothing_beyond_it(tmp_path: Path, database: Database) -> None:
    """The revision in the middle came another way, and may follow anything."""
    v1, v2 = image(tmp_path, "v1", "r1 r2"), image(tmp_path, "v2", "r1 r2 r3")
    await migrate(v1, database)
    await alembic(v2, database, "upgrade", "head")
    assert (await migrate(image(tmp_path, "v3", "r1 r2 r3 r4"), database)).exit_code == 0
    _unknown(await migrate(v1, database), "no_record", "the lineage of r3 is not known")


@backends("sqlite", "mariadb")
@pytest.mark.parametrize("policy", ["serve", "fail"])
@pytest.mark.paired("database")
async def test_branches_that_part_are_reported_with_where(tmp_path: Path, database: Database, policy: str) -> None:
    """Two teams deployed from two branches: only a merge helps."""
    ours, theirs = image(tmp_path, "ours", "r1 r2 mine"), image(tmp_path, "theirs", "r1 r2 yours more")
    await migrate(theirs, database)
    result = await migrate(ours, database, ORCHESTRATOR_WHEN_AHEAD=policy)
    told_where = "the database has more, yours, and this image has mine instead: they part after r2"
    _unknown(result, "diverged", told_where)
    assert "alembic merge" in result.find("database_ahead")[0]["hint"]
    assert stamped(database) == ["more"]


@backends("mariadb")
async def test_a_tree_that_was_squashed_says_so_by_what_it_lacks(tmp_path: Path, database: Database) -> None:
    """Its single revision replaces all earlier ones, and only a person who stamps it can confirm that."""
    await migrate(image(tmp_path, "v2", "r1 r2 r3"), database)
    squashed = image(tmp_path, "squashed", "all")
    _unknown(await migrate(squashed, database), "diverged", "they have nothing in common")
    database.execute("UPDATE alembic_version SET version_num = 'all'")
    assert told(await migrate(squashed, database)) == ["migrations_current"]


@backends("postgresql", "mariadb")
async def test_a_journal_that_may_not_be_read_proves_nothing(
    tmp_path: Path, database: Database, server: Server
) -> None:
    """A process that only serves may lack privileges on it: a start at head does not need it, any other does."""
    v1, v2 = image(tmp_path, "v1", "r1 r2"), image(tmp_path, "v2", "r1 r2 r3")
    await migrate(v2, database)
    name = f"served_{database.name[-8:]}"
    reader = server.add_user(database, name, "s3cret-of-its-own")
    account = f"'{name}'@'%'" if database.backend == "mariadb" else name
    execute(server.admin_url.set(database=database.name), f"GRANT SELECT ON alembic_version TO {account}")
    assert told(await migrate(v2, reader)) == ["migrations_current"]
    _unknown(await migrate(v1, reader), "no_record", "we may not read the journal")
