"""A database ahead of the image: a deployment is rolled back, and forward again, or both versions run at once."""

import contextlib
from pathlib import Path

import pytest

from tests.acceptance.images import image
from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, environment, go, migrate, stamped, tables, told
from tests.acceptance.outcome import failure
from tests.acceptance.plain import alembic
from tests.harness import Orchestrator, Output, Project, together
from tests.servers import Database, backends
from tests.servers.ports import listen_somewhere

V1, V2, V3 = "r1 r2", "r1 r2 r3", "r1 r2 r3 r4"
NAMED = ("connection=connection,", "connection=connection, version_table='mine',")


async def _serve(project: Project, database: Database, **settings: str) -> Orchestrator:
    """Serve, and stop when that has been seen."""
    async with Orchestrator("serve", env=environment(database, **settings), cwd=project.path) as process:
        await process.event("server_started", within=60)
        assert await process.stop() == 0
    return process


def _applied(output: Output) -> list[str]:
    return [event["revision"] for event in output.find("revision_applied")]


async def test_a_deployment_is_rolled_back_and_forward_again(tmp_path: Path, database: Database) -> None:
    """The old image serves with the new schema, reports it, and changes nothing; the next one continues from there."""
    v1, v2, v3 = image(tmp_path, "v1", V1), image(tmp_path, "v2", V2), image(tmp_path, "v3", V3)
    assert (await migrate(v1, database)).exit_code == 0
    assert (await migrate(v2, database)).exit_code == 0
    for back in (v1, v1):
        served = await _serve(back, database)
        assert told(served) == ["database_ahead"]
        assert served.find("database_ahead", level="warning", lineage="proven", current_revision="r3")
        assert not [event for event in served.events if event["state"] == "migrating"]
    assert told(await _serve(v2, database)) == ["migrations_current"]
    assert _applied(await _serve(v3, database)) == ["r4"]
    served = await _serve(v1, database)
    assert served.find("database_ahead", current_revision="r4", head_revision="r2")
    assert tables(database) == ["plants", "trees"]
    assert stamped(database) == ["r4"]


@backends("sqlite")
async def test_a_database_ahead_may_be_forbidden(tmp_path: Path, database: Database) -> None:
    """The same event, on the level that ends the start; with the same fields, so that one filter finds both."""
    v1 = image(tmp_path, "v1", V1)
    await migrate(image(tmp_path, "v2", V2), database)
    tolerated = await migrate(v1, database)
    assert tolerated.exit_code == 0
    (warned,) = tolerated.find("database_ahead", level="warning", outcome="unknown")
    failed = failure(await migrate(v1, database, ORCHESTRATOR_WHEN_AHEAD="fail"), "database_ahead", 10)
    assert (failed["lineage"], failed["current_revision"], failed["head_revision"]) == ("proven", "r3", "r2")
    assert warned.keys() == failed.keys()
    assert "r3" in warned["message"]


@backends("sqlite", "postgresql")
async def test_who_never_migrates_serves_a_database_ahead(tmp_path: Path, database: Database) -> None:
    """Waiting would not bring it back."""
    await migrate(image(tmp_path, "v2", V2), database)
    served = await _serve(image(tmp_path, "v1", V1), database, ORCHESTRATOR_MIGRATE="false")
    assert told(served) == ["database_ahead"]


@backends("sqlite", "mariadb")
async def test_a_version_table_of_its_own_is_not_a_hindrance(tmp_path: Path, database: Database) -> None:
    """Where only env.py knows the heads, it is run to look; the journal is where it always is."""
    v1, v2 = image(tmp_path, "v1", V1), image(tmp_path, "v2", V2)
    for each in (v1, v2):
        each.write("alembic/env.py", (each.path / "alembic/env.py").read_text().replace(*NAMED))
    assert (await migrate(v2, database)).exit_code == 0
    assert told(await _serve(v1, database)) == ["database_ahead"]
    assert stamped(database, "mine") == ["r3"]


async def test_what_plain_alembic_took_back_is_applied_again(tmp_path: Path, database: Database) -> None:
    """The journal still has it, but the heads show what is in the database."""
    v1, v3 = image(tmp_path, "v1", V1), image(tmp_path, "v3", V3)
    await migrate(v3, database)
    await alembic(v3, database, "downgrade", "r2")
    assert told(await _serve(v1, database)) == ["migrations_current"]
    result = await migrate(v3, database)
    assert _applied(result) == ["r3", "r4"]
    assert tables(database) == ["plants", "trees"]
    assert told(await _serve(v1, database)) == ["database_ahead"]


async def test_a_database_that_plain_alembic_migrated_so_far_is_taken_on(tmp_path: Path, database: Database) -> None:
    """The journal begins with our first revision, and can prove lineage from there on."""
    v1, v2 = image(tmp_path, "v1", V1), image(tmp_path, "v2", V2)
    await alembic(v1, database, "upgrade", "head")
    assert told(await _serve(v1, database)) == ["migrations_current"]
    assert _applied(await migrate(v2, database)) == ["r3"]
    assert told(await _serve(v1, database)) == ["database_ahead"]


@backends("sqlite")
async def test_branches_that_were_merged_since_are_proven(tmp_path: Path, database: Database) -> None:
    """Two heads have become one, which follows both."""
    v1 = image(tmp_path, "v1", "r1 left")
    v1.add_revision("right", down_revision="r1")
    await migrate(v1, database, ORCHESTRATOR_TARGET="heads")
    v2 = image(tmp_path, "v2", "r1 left")
    v2.add_revision("right", down_revision="r1")
    v2.add_revision("merged", down_revision=("left", "right"))
    v2.add_revision("r3")
    await migrate(v2, database)
    for target in ("heads", "left"):
        result = await migrate(v1, database, ORCHESTRATOR_TARGET=target)
        assert told(result) == ["database_ahead"]
        assert "merged, r3" in result.find("database_ahead")[0]["error_message"]


@backends("sqlite")
async def test_a_branch_that_the_newer_image_began_is_proven(tmp_path: Path, database: Database) -> None:
    """With a separate base, it removes nothing that this image needs."""
    v1, v2 = image(tmp_path, "v1", V1), image(tmp_path, "v2", V1)
    v2.add_revision("other", down_revision=None)
    await migrate(v2, database, ORCHESTRATOR_TARGET="heads")
    result = await migrate(v1, database)
    assert result.find("database_ahead", current_revision="other,r2", lineage="proven")


@backends("sqlite")
async def test_a_target_below_the_current_heads_is_ahead_as_well(tmp_path: Path, database: Database) -> None:
    """Nothing is reported about revisions that this image knows, but about others."""
    v2, v3 = image(tmp_path, "v2", V2), image(tmp_path, "v3", V3)
    await migrate(v3, database)
    assert told(await migrate(v3, database, ORCHESTRATOR_TARGET="r1")) == ["migrations_current"]
    result = await migrate(v2, database, ORCHESTRATOR_TARGET="r1")
    assert result.find("database_ahead", current_revision="r4", head_revision="r1", lineage="proven")


@pytest.mark.parametrize("policy", ["serve", "fail"])
@pytest.mark.paired("database")
async def test_a_newer_image_may_be_first_at_the_lock(tmp_path: Path, database: Database, policy: str) -> None:
    """The older one has planned its revisions, waits, and finds them done, and more."""
    v1 = image(tmp_path, "v1", V1)
    v2 = image(tmp_path, "v2", V2, r1=WAIT_FOR_GO + CREATE.format("plants"))
    settings = environment(database, ORCHESTRATOR_WHEN_AHEAD=policy)
    async with Orchestrator("migrate", env=environment(database), cwd=v2.path) as newer:
        await newer.event("log", message="waiting for go")
        async with Orchestrator("migrate", env=settings, cwd=v1.path) as older:
            await older.event("lock_waiting")
            go(v2)
            assert await newer.exit_code() == 0
            assert await older.exit_code() == (0 if policy == "serve" else 10)
    assert older.find("database_ahead", level="warning" if policy == "serve" else "critical", lineage="proven")
    assert not older.find("revision_started")
    assert [event["applied_count"] for event in older.find("migrations_completed")] == [0] * (policy == "serve")


async def test_a_newer_image_may_continue_before_the_older_has_looked_again(tmp_path: Path, database: Database) -> None:
    """The older one has applied its own revisions and released the lock; later revisions are not a loss of its work."""
    v1, v2 = image(tmp_path, "v1", V1), image(tmp_path, "v2", V2)
    v1.write("alembic/env.py", (v1.path / "alembic/env.py").read_text() + WAIT_FOR_GO)
    async with Orchestrator("migrate", env=environment(database), cwd=v1.path) as older:
        await older.event("log", message="waiting for go")
        assert _applied(await migrate(v2, database)) == ["r3"]
        go(v1)
        assert await older.exit_code() == 0
    assert older.find("migrations_completed", applied_count=2, current_revision="r3")
    assert older.find("database_ahead", lineage="proven")


async def test_replicas_of_both_versions_may_start_at_once(tmp_path: Path, database: Database) -> None:
    """As in a rolling deployment of an empty environment: in any order, all serve, and nothing is done twice."""
    images = [image(tmp_path, "v1", V1), image(tmp_path, "v2", V2), image(tmp_path, "v3", V3)] * 3
    with contextlib.ExitStack() as stack:
        ports = [str(stack.enter_context(listen_somewhere()).getsockname()[1]) for _ in images]
    async with contextlib.AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(
                Orchestrator("serve", env=environment(database, PORT=port), cwd=project.path)
            )
            for project, port in zip(images, ports, strict=True)
        ]
        await together(*(process.event("server_started", within=100) for process in replicas))
        assert await together(*(process.stop() for process in replicas)) == [0] * len(replicas)
    assert sorted(revision for process in replicas for revision in _applied(process)) == ["r1", "r2", "r3", "r4"]
    assert stamped(database) == ["r4"]
    assert not [process for process in replicas if process.find("database_ahead", lineage="unknown")]
