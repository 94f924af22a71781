"""`orchestrator check`: what is wrong or dangerous in an image, found without a database."""

import json
from typing import Any

import jsonschema
import pytest

from orchestrator.command_line.cli import main
from orchestrator.people.check import squawk
from orchestrator.runtime.stop import Stop
from tests.acceptance.migrations import CREATE
from tests.harness import Project

DROP = "op.drop_column('plants', 'name')"


@pytest.fixture(autouse=True)
def at_the_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in the project's directory; the address of its database leads nowhere."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("DATABASE_URL", "mysql+asyncmy://nobody:s3cret@db.invalid/plants")
    monkeypatch.setenv("ORCHESTRATOR_APP", "json:loads")
    project.add_revision("r1", CREATE.format("plants"))


def _check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["check", *arguments], Stop())
    out, err = capsys.readouterr()
    assert err == ""
    return code, out


def _json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> dict[str, Any]:
    found, out = _check(capsys, "--json", *arguments)
    assert found == code, out
    report: dict[str, Any] = json.loads(out)
    jsonschema.validate(report, json.loads(_check(capsys, "--schema")[1]))
    return report


def _codes(report: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(each["revision"], each["code"], each["line"]) for each in report["findings"]]


def test_a_harmless_tree_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """A check that always complains is switched off."""
    code, out = _check(capsys)
    assert (code, out) == (0, "1 revision judged for mysql: 0 errors, 0 warnings, 0 allowed\n")


def test_a_danger_is_named_with_its_line_and_the_safe_way(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """As text, as annotations of a pull request, and for code scanning."""
    project.add_revision("r2", f"pass\n{DROP}")
    assert _codes(_json(capsys)) == [("r2", "drop-column", 15)]
    assert "Remove the column from the models first" in _check(capsys)[1]
    annotation = "::error file=alembic/versions/r2.py,line=15,title=drop-column::It drops a column of plants"
    assert _check(capsys, "--format", "github")[1].startswith(annotation)
    (run,) = json.loads(_check(capsys, "--format", "sarif")[1])["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("alembic/versions/r2.py", 15)


def test_a_batch_shows_the_line_and_the_old_type(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Alembic carries a batch out at the end of its block; longer texts of the same kind copy nothing."""
    project.add_revision(
        "r2",
        """
        with op.batch_alter_table('plants') as batch:
            batch.alter_column('name', type_=sa.String(60), existing_type=sa.String(50))
            batch.drop_column('name')
        """,
    )
    assert _codes(_json(capsys)) == [("r2", "drop-column", 16)]


def test_annotations_have_the_path_of_the_repository(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project may be in a directory of it; GitHub shows nothing at a path that it does not know."""
    project.add_revision("r2", DROP)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    assert "file=project/alembic/versions/r2.py" in _check(capsys, "--format", "github")[1]


def test_since_leaves_old_revisions_alone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A pull request is judged by what it adds."""
    project.add_revision("r2", DROP)
    project.add_revision("r3")
    assert _json(capsys, "--since", "r2", code=0)["revisions"] == 1


def test_a_comment_with_a_reason_allows(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a reason it allows nothing, and is a finding itself."""
    project.add_revision("r2", f"{DROP}  # orchestrator: allow drop-column: unused since 1.3")
    project.add_revision("r3", f"# orchestrator: allow drop-column\n{DROP}")
    report = _json(capsys)
    assert _codes(report) == [("r3", "drop-column", 15), ("r3", "allowed-without-reason", 14)]
    assert report["allowed"] == 1


def test_a_comment_belongs_to_its_whole_statement(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A long call is written in several lines."""
    call = "op.drop_column(\n    'plants',\n    'name',\n)  # orchestrator: allow drop-column: unused since 1.3"
    project.add_revision("r2", call)
    assert _json(capsys, code=0)["allowed"] == 1


@pytest.mark.parametrize(
    "value",
    ["datetime.datetime.now().strftime('%Y-%m-%d')", "datetime.date.today()", "int(time.time())", "uuid.uuid4()"],
)
def test_what_comes_from_the_clock_or_from_chance_is_found(
    value: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs within one second would not differ, so the second recording has a later clock."""
    path = project.add_revision("r2", f"op.execute('COMMENT ' + str({value}))")
    path.write_text("import datetime, time, uuid\n" + path.read_text())
    assert [code for _, code, _ in _codes(_json(capsys))] == ["not-repeatable"]


def test_random_values_and_models_are_found(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A revision must do the same again, with every later version of the app."""
    project.write(
        "plant_models.py",
        "import sqlalchemy as sa\nfrom sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): ...\n"
        "class Plant(Base):\n    __tablename__ = 'plants'\n    id = sa.Column(sa.Integer, primary_key=True)\n",
    )
    insert = "import uuid\nop.execute(f\"INSERT INTO plants (name) VALUES ('{uuid.uuid4()}')\")"
    project.add_revision("r2", f"from plant_models import Plant\n{insert}")
    assert {code for _, code, _ in _codes(_json(capsys))} == {"imports-models", "not-repeatable"}


def test_a_revision_that_needs_a_database_is_not_judged_in_full(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its effect on rows is unknown. The output names the revision, and it is not a finding."""
    project.add_revision("r2", "op.get_bind().execute(sa.text('SELECT id FROM plants')).scalars().all()")
    project.add_revision("r3", "from sqlalchemy.orm import Session\nSession(op.get_bind()).query(sa.text('1')).all()")
    report = _json(capsys, code=0)
    assert [(each["revision"], each["line"]) for each in report["unjudged"]] == [("r2", 14), ("r3", 15)]


def test_several_heads_a_broken_app_and_a_danger_are_reported_at_once(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the first failure of a start."""
    project.add_revision("r2", DROP)
    project.add_revision("r3", down_revision="r1")
    monkeypatch.setenv("ORCHESTRATOR_APP", "nothing.there:app")
    report = _json(capsys, code=9)
    heads, app = report["failures"]
    assert "2 heads: r2, r3" in heads["message"]
    assert "alembic merge heads" in heads["hint"]
    assert (app["exit_code"], len(report["findings"])) == (3, 1)


def test_squawk_judges_postgresql(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rules are maintained by others; without it, a note names what is not checked."""
    project.add_revision("r2", "op.create_index('ix', 'plants', ['name'])")
    found = _json(capsys, "--dialect", "postgresql")
    assert _codes(found) == [("r2", "require-concurrent-index-creation", 14)]
    project.add_revision("r3", "op.execute('COMMENT ON nonsense !')\nop.create_index('iy', 'plants', ['name'])")
    found = _json(capsys, "--dialect", "postgresql", "--since", "r2")
    assert _codes(found) == [("r3", "require-concurrent-index-creation", 15)]
    assert [(each["line"], "squawk" in each["problem"]) for each in found["unjudged"]] == [(14, True)]
    monkeypatch.setattr(squawk, "program", lambda: "")
    (note,) = _json(capsys, "--dialect", "postgresql", code=0)["notes"]
    assert "pip install" in note


def test_without_any_address_the_database_has_to_be_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build of an image has no DATABASE_URL."""
    monkeypatch.delenv("DATABASE_URL")
    assert "--dialect" in _json(capsys, code=78)["failures"][0]["message"]
    assert _json(capsys, "--dialect", "sqlite", code=0)["revisions"] == 1


@pytest.mark.parametrize(
    ("url", "connect"),
    [
        (
            "mysql+asyncmy://nobody:s3cret@127.0.0.1:1/plants",
            "with __import__('socket').socket() as raw: raw.connect(('127.0.0.1', 1))",
        ),
        ("sqlite+aiosqlite:///app.db", "import sqlite3; sqlite3.connect('app.db')"),
    ],
)
def test_an_app_that_connects_by_itself_while_it_is_imported_is_named(
    url: str, connect: str, project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start can hold SQLAlchemy's connections until the migration is done, but not a driver's own."""
    name = f"app_{url[:5]}"
    project.write(f"{name}.py", f"\n{connect}\napp = print")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("ORCHESTRATOR_APP", f"{name}:app")
    (note,) = _json(capsys, code=0)["notes"]
    assert note.startswith(f"{name}.py:2 connects to the database while the app is imported")
    assert not (project.path / "app.db").exists()
