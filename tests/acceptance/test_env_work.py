"""What env.py does beside the migrations is done as with plain Alembic: at each start, once, and committed."""

import sys

import pytest

from tests.acceptance.contexts import own_engine
from tests.acceptance.migrations import CREATE, environment, migrate, stamped, told
from tests.acceptance.plain import alembic
from tests.harness import Orchestrator, Project, run
from tests.servers import Database, Server, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

NEXT = "(SELECT n FROM (SELECT count(*) + 1 AS n FROM plants) counted)"
SEED = f"connection.execute(text(\"INSERT INTO plants VALUES ({NEXT}, 'seed')\"))"  # noqa: S608  # our own
COUNT = "SELECT count(*) FROM plants WHERE name = 'seed'"


@pytest.mark.parametrize("where", ["inside", "after"])
async def test_seeds_behind_the_migrations_are_sown_at_each_start(
    project: Project, database: Database, where: str
) -> None:
    """Once a start, at head as well; inside `begin_transaction` its end commits them, as without us."""
    commits = "\nconnection.commit()" if where == "after" or database.backend != "postgresql" else ""
    own_engine(project, database.synchronous_url, **{where: SEED + commits})
    first, second = await migrate(project, database), await migrate(project, database)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert told(second) == ["migrations_current"]
    assert database.execute(COUNT) == [(2,)]


@backends("sqlite")
async def test_who_only_waits_does_not_sow_before_the_tables_are_there(project: Project, database: Database) -> None:
    """Env.py is left where it would migrate, and run to its end once the database is at head."""
    own_engine(project, database.synchronous_url, after=f"{SEED}\nconnection.commit()")
    settings = environment(database, ORCHESTRATOR_MIGRATE="false")
    async with Orchestrator("serve", env=settings, cwd=project.path) as process:
        await process.event("database_retry_scheduled", error_type="not_at_head")
        assert (await migrate(project, database)).exit_code == 0
        await process.event("server_started")
        assert await process.stop() == 0
    assert database.execute(COUNT) == [(2,)]


@backends("mysql", "mariadb")
async def test_a_transaction_older_than_what_another_replica_has_made_is_begun_again(
    project: Project, database: Database
) -> None:
    """InnoDB shows it no table that is younger (1412): env.py is run again, as nothing is done yet."""
    before = f"""
import pathlib, subprocess
if not pathlib.Path("met").exists():
    pathlib.Path("met").touch()
    connection.execute(text("START TRANSACTION WITH CONSISTENT SNAPSHOT"))
    subprocess.run([{sys.executable!r}, "-m", "orchestrator", "migrate"], check=True, stdout=subprocess.DEVNULL)
"""
    own_engine(project, database.synchronous_url, before=before)
    assert (await migrate(project, database)).exit_code == 0
    assert (project.path / "met").exists()
    assert database.execute("SELECT name FROM plants") == [("rose",)]


@backends("sqlite", "postgresql")
@pytest.mark.parametrize("ending", ["sys.exit(0)", "sys.exit()", "raise SystemExit"])
async def test_an_env_that_ends_the_process_with_0_has_succeeded(
    project: Project, database: Database, ending: str
) -> None:
    """`alembic upgrade head && uvicorn ...` continues as well."""
    own_engine(project, database.synchronous_url)
    env = project.path / "alembic" / "env.py"
    env.write_text(f"import sys\n{env.read_text()}\n{ending}\n")
    first, second = await migrate(project, database), await migrate(project, database)
    assert (first.exit_code, second.exit_code, stamped(database)) == (0, 0, ["r2"])
    assert told(first)[-1] == "migrations_completed"


@backends("postgresql")
async def test_settings_of_the_transaction_are_kept_for_every_revision(project: Project, database: Database) -> None:
    """`SET LOCAL search_path`: plain Alembic runs all revisions in that transaction, we commit each."""
    database.execute("CREATE SCHEMA tenant")
    before = (
        "connection.execute(text('SET LOCAL search_path TO tenant'))\nconnection.dialect.default_schema_name = 'tenant'"
    )
    inside = "print('inside', connection.execute(text('SHOW search_path')).scalar())"
    after = "print('after', connection.execute(text('SHOW search_path')).scalar())"
    own_engine(project, database.synchronous_url, before=before, inside=inside, after=after)
    first, second = await migrate(project, database), await migrate(project, database)
    assert (first.exit_code, stamped(database, "tenant.alembic_version")) == (0, ["r2"])
    assert database.execute("SELECT name FROM tenant.plants") == [("rose",)]
    assert database.tables() == []
    assert told(second) == ["migrations_current"]
    for result in (first, second):
        assert result.find("log", message="inside tenant")
        assert not result.find("log", message="after tenant")


@backends("postgresql")
@pytest.mark.parametrize(("option", "left"), [("", ["r2"]), ("True", ["r2"]), ("False", [])])
async def test_an_explicit_transaction_per_migration_is_obeyed(
    project: Project, database: Database, option: str, left: list[str]
) -> None:
    """By default each revision is committed by itself; with False all together, and none is called applied before."""
    project.add_revision("r3", "op.execute('SELECT * FROM nothing')")
    options = f", transaction_per_migration={option}" if option else ""
    own_engine(project, database.synchronous_url, options=options)
    failed = await migrate(project, database)
    assert failed.exit_code == 7
    assert stamped(database) == left
    assert [each["revision"] for each in failed.find("revision_applied")] == (["r1", "r2"] if left else [])
    (project.path / "alembic" / "versions" / "r3.py").unlink()
    fixed = await migrate(project, database)
    assert (fixed.exit_code, stamped(database)) == (0, ["r2"])


@backends("sqlite", "postgresql")
async def test_several_heads_are_brought_to_all_of_them(project: Project, database: Database) -> None:
    """ORCHESTRATOR_TARGET=heads, as `alembic upgrade heads`."""
    project.add_revision("left", CREATE.format("left_table"), down_revision="r2")
    project.add_revision("right", CREATE.format("right_table"), down_revision="r2")
    first = await migrate(project, database, ORCHESTRATOR_TARGET="heads")
    assert (first.exit_code, stamped(database)) == (0, ["left", "right"])
    assert told(await migrate(project, database, ORCHESTRATOR_TARGET="heads")) == ["migrations_current"]
    assert (await migrate(project, database)).exit_code == 9


@backends("sqlite")
async def test_a_directory_of_revisions_chosen_at_run_time_is_migrated(project: Project, database: Database) -> None:
    """One directory per dialect: the content of `versions` proves nothing."""
    (project.path / "alembic" / "versions" / "sqlite").mkdir()
    for name in ("r1.py", "r2.py"):
        script = project.path / "alembic" / "versions" / name
        script.rename(script.parent / "sqlite" / name)
    own_engine(project, database.synchronous_url)
    env = project.path / "alembic" / "env.py"
    choice = "context.script.version_locations = [context.script.dir + '/versions/sqlite']\n"
    env.write_text(env.read_text().replace("\nwith create", f"\n{choice}\nwith create", 1))
    first, second = await migrate(project, database), await migrate(project, database)
    assert (first.exit_code, stamped(database)) == (0, ["r2"])
    assert told(second) == ["migrations_current"]
    assert second.find("migrations_current", current_revision="r2", head_revision="r2")


@backends("postgresql", "mariadb", "mysql")
async def test_an_env_that_creates_the_database_is_run(project: Project, database: Database, server: Server) -> None:
    """A missing database is not a failure if env.py may create it."""
    server.drop_database(database)
    admin = server.admin_url.render_as_string(hide_password=False)
    own_engine(project, database.synchronous_url)
    env = project.path / "alembic" / "env.py"
    create = {
        "postgresql": [f"CREATE DATABASE {database.name} OWNER app"],
        "mariadb": [f"CREATE DATABASE {database.name}", f"GRANT ALL ON {database.name}.* TO app"],
    }
    statements = "".join(
        f"    connection.execute(text({each!r}))\n" for each in create.get(database.backend, create["mariadb"])
    )
    create_it = f"admin = create_engine({admin!r}, isolation_level='AUTOCOMMIT')\nwith admin.connect() as connection:\n"
    env.write_text(env.read_text().replace("\nwith create", f"\n{create_it}{statements}\nwith create", 1))
    result = await migrate(project, database)
    assert (result.exit_code, stamped(database)) == (0, ["r2"])
    assert result.find("database_ready")


@backends("postgresql", "mariadb")
async def test_a_command_that_creates_the_database_is_run(project: Project, database: Database, server: Server) -> None:
    """Many scripts create it before they migrate. A command that does not leaves the refusal as it was."""
    server.drop_database(database)
    admin = server.admin_url.render_as_string(hide_password=False)
    create = f"CREATE DATABASE {database.name}" + (" OWNER app" if database.backend == "postgresql" else "")
    project.write(
        "create.py",
        "from sqlalchemy import create_engine, text\n"
        f"with create_engine({admin!r}, isolation_level='AUTOCOMMIT').connect() as connection:\n"
        f"    connection.execute(text({create!r}))\n",
    )
    refused = await migrate(project, database, ORCHESTRATOR_BEFORE_MIGRATE="true")
    assert refused.find("database_refused", error_type="unknown_database")
    created = await migrate(project, database, ORCHESTRATOR_BEFORE_MIGRATE=f"{sys.executable} create.py")
    assert (refused.exit_code, created.exit_code, stamped(database)) == (5, 0, ["r2"])


@backends("postgresql", "mariadb", "mysql")
async def test_an_env_that_does_not_create_the_database_leaves_it_refused(
    project: Project, database: Database, server: Server
) -> None:
    """Then it is as wrong as ever, and not env.py's fault."""
    server.drop_database(database)
    own_engine(project, database.synchronous_url)
    result = await migrate(project, database)
    assert result.exit_code == 5
    assert result.find("database_refused", error_type="unknown_database")


@backends("sqlite")
async def test_a_tenants_loop_without_tenants_has_nothing_to_do(project: Project, database: Database) -> None:
    """As with plain Alembic: there is no database to migrate yet."""
    project.write("alembic/env.py", "from alembic import context\nfor each in ():\n    context.configure()\n")
    await alembic(project, database, "upgrade", "head")
    result = await migrate(project, database)
    assert (result.exit_code, told(result)) == (0, [])
    assert result.find("log", level="warning")
    assert (await run("freeze", env=environment(database), cwd=project.path)).exit_code == 0
