"""The effect of the revisions on a database, on every backend."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from tests.app.migrations import PROJECT, Migrations, configuration, revisions

BEFORE_TIDYING = "9e27d5b8c340"
TIDYING = "c51a7f09e6d2"

plants = sa.table(
    "plants",
    sa.column("id", sa.Integer),
    sa.column("name", sa.String),
    sa.column("name_key", sa.String),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("updated_at", sa.DateTime(timezone=True)),
)


async def insert(migrations: Migrations, names: Sequence[str]) -> None:
    """Insert plants as the first release did: names as typed, keys lower-cased."""
    moment = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
    zoned = moment if migrations.url.startswith("postgresql") else moment.replace(tzinfo=None)
    rows = [
        {"id": number, "name": name, "name_key": name.lower(), "created_at": zoned, "updated_at": zoned}
        for number, name in enumerate(names, 1)
    ]
    await migrations.run(lambda connection: connection.execute(sa.insert(plants), rows))


async def kept(migrations: Migrations) -> list[tuple[str, str]]:
    """Return names and keys, the oldest plant first."""
    query = sa.select(plants.c.name, plants.c.name_key).order_by(plants.c.id)
    rows = await migrations.run(lambda connection: connection.execute(query).all())
    return [(row.name, row.name_key) for row in rows]


async def test_the_migrated_schema_is_what_the_models_say(migrations: Migrations) -> None:
    """Else the service meets, in production, columns that its tests never saw."""
    await migrations.upgrade()
    assert await migrations.differences() == []


async def test_all_the_way_down_and_up_again(migrations: Migrations) -> None:
    """A downgrade that was never run does not work in the night when it is needed."""
    await migrations.upgrade()
    await migrations.downgrade()
    tables = await migrations.run(lambda connection: sa.inspect(connection).get_table_names())
    assert tables == ["alembic_version"]
    await migrations.upgrade()
    assert await migrations.differences() == []


async def test_each_step_down_can_be_taken_up_again(migrations: Migrations) -> None:
    """One step is what an operator takes back."""
    for revision in revisions():
        await migrations.upgrade(revision)
        await migrations.downgrade("-1")
        await migrations.upgrade(revision)
    assert await migrations.differences() == []


async def test_names_are_tidied_and_the_later_of_two_is_numbered(migrations: Migrations) -> None:
    """Names that the first release accepted must not block the unique index, and no plant may be lost."""
    await migrations.upgrade(BEFORE_TIDYING)
    await insert(
        migrations,
        [
            "Rose",
            "  rose ",
            "Straße",
            "STRASSE",
            "Rose (2)",
            "Caf\u00e9",
            "Cafe\u0301",
            "Blue \t pansy",
            "ROSE",
            "   ",
            "Rosé",
            "X" * 80,
            "x" * 80,
            "a\x01b",
        ],
    )
    await migrations.upgrade(TIDYING)
    assert await kept(migrations) == [
        ("Rose", "rose"),
        ("rose (3)", "rose (3)"),
        ("Straße", "strasse"),
        ("STRASSE (2)", "strasse (2)"),
        ("Rose (2)", "rose (2)"),
        ("Café", "café"),
        ("Café (2)", "café (2)"),
        ("Blue pansy", "blue pansy"),
        ("ROSE (4)", "rose (4)"),
        ("Plant 10", "plant 10"),
        ("Rosé", "rosé"),
        ("X" * 80, "x" * 80),
        ("x" * 76 + " (2)", "x" * 76 + " (2)"),
        ("ab", "ab"),
    ]
    await migrations.upgrade()


async def test_tidying_twice_is_tidying_once(migrations: Migrations) -> None:
    """An interrupted revision is run again from its beginning."""
    await migrations.upgrade(BEFORE_TIDYING)
    await insert(migrations, ["Rose", "rose", "  ROSE"])
    await migrations.upgrade(TIDYING)
    once = await kept(migrations)
    await migrations.downgrade(BEFORE_TIDYING)
    await migrations.upgrade(TIDYING)
    assert await kept(migrations) == once


async def test_tidying_goes_through_more_than_one_batch(migrations: Migrations) -> None:
    """The first row of the second batch is where a row gets lost."""
    await migrations.upgrade(BEFORE_TIDYING)
    await insert(migrations, [f" Plant {number}" for number in range(2001)])
    await migrations.upgrade(TIDYING)
    assert await kept(migrations) == [(f"Plant {number}", f"plant {number}") for number in range(2001)]


async def test_autogenerate_does_not_see_the_orchestrators_tables(migrations: Migrations) -> None:
    """Otherwise the next revision would drop the journal; a table that belongs to no model is still reported."""
    await migrations.upgrade()
    await migrations.run(
        lambda connection: connection.execute(sa.text("CREATE TABLE orchestrator_journal (step INTEGER)"))
    )
    await migrations.check()
    await migrations.run(lambda connection: connection.execute(sa.text("CREATE TABLE stray (step INTEGER)")))
    with pytest.raises(CommandError, match="stray"):
        await migrations.check()


@pytest.mark.parametrize("dialect", ["mysql+asyncmy", "mariadb+asyncmy", "postgresql+asyncpg", "sqlite+aiosqlite"])
def test_every_revision_changes_the_schema_in_one_statement_at_most(
    dialect: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where DDL commits by itself, a second statement is a place to be left half way."""
    config = configuration(f"{dialect}://")
    for before, revision in zip(["base", *revisions()], revisions(), strict=False):
        command.upgrade(config, f"{before}:{revision}", sql=True)
        lines = capsys.readouterr().out.splitlines()
        changes = [line for line in lines if line.startswith(("CREATE ", "ALTER ", "DROP "))]
        assert len([line for line in changes if "alembic_version" not in line]) <= 1, changes


def test_there_is_one_head() -> None:
    """Two merged branches with a revision each would stop every start."""
    assert len(ScriptDirectory.from_config(Config(PROJECT / "alembic.ini")).get_heads()) == 1


def test_a_url_may_hold_a_percent_sign(tmp_path: Path) -> None:
    """Passwords are encoded with it, and a configuration file takes it for its own."""
    file = tmp_path / "100% blue.db"
    command.upgrade(configuration(f"sqlite+aiosqlite:///{file}"), "4b1d0c6f2a11")
    assert file.exists()


def test_without_a_url_alembic_asks_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that `alembic upgrade head` on a developer's machine finds the database of the app."""
    file = tmp_path / "100% pansy.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{file}")
    command.upgrade(Config(PROJECT / "alembic.ini"), "4b1d0c6f2a11")
    assert file.exists()


def test_the_template_makes_a_revision_that_runs(tmp_path: Path) -> None:
    """The template is code that does not run until a person needs it."""
    config = configuration(f"sqlite+aiosqlite:///{tmp_path / 'app.db'}")
    config.set_main_option("version_locations", f"{PROJECT / 'alembic' / 'versions'}{os.pathsep}{tmp_path}")
    command.upgrade(config, "head")
    command.revision(config, "0007 Nothing", rev_id="a0a0a0a0a0a0", version_path=str(tmp_path), autogenerate=True)
    assert (tmp_path / "0007_nothing.py").read_text("utf-8").startswith('"""Nothing.\n')
    command.upgrade(config, "head")
    command.downgrade(config, "-1")
