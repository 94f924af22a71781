"""Where the scripts are: alembic.ini, pyproject.toml, both, or something that only Alembic understands."""

from pathlib import Path

import pytest

from orchestrator.errors import StartupError
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.files import NeedsAlembic, read_tree
from tests.unit.scripts import Scripts
from tests.unit.test_files import by_alembic

TOML = "[tool.alembic]\n"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """An Alembic directory with one revision, which is the current one."""
    monkeypatch.chdir(tmp_path)
    scripts = Scripts(tmp_path)
    scripts.revision("a")
    return scripts


def heads(scripts: Scripts) -> tuple[str, ...]:
    """The heads, which must be Alembic's too."""
    ours = read_tree(scripts.files).heads
    assert ours == by_alembic(scripts).heads
    return ours


@pytest.mark.parametrize(
    "ini",
    [
        "[alembic]\nscript_location = migrations\n",
        "[alembic]\nscript_location = %(here)s/migrations\n",
        "[alembic]\nscript_location: migrations\nsqlalchemy.url = mysql://u:p%%40@h/d\n[loggers]\nkeys = root\n",
        "[DEFAULT]\nroot = %(here)s\n[alembic]\nscript_location = %(root)s/migrations\nfile_template = %%(rev)s\n",
        "\n; comment\n[alembic]\n# comment\nscript_location = migrations\n",
    ],
)
def test_an_ini_file_names_the_scripts(scripts: Scripts, ini: str) -> None:
    """As `alembic init` writes it, and as people change it."""
    scripts.ini.write_text(ini)
    assert heads(scripts) == ("a",)


@pytest.mark.parametrize("location", ["migrations", "%(here)s/migrations"])
def test_a_toml_file_names_the_scripts(scripts: Scripts, location: str) -> None:
    """Even with an alembic.ini that names another place."""
    scripts.toml.write_text(f'{TOML}script_location = "{location}"\n')
    scripts.ini.write_text("[alembic]\nsqlalchemy.url = x\n")
    assert heads(scripts) == ("a",)
    scripts.ini.unlink()
    assert heads(scripts) == ("a",)


def test_the_ini_file_counts_more_than_the_toml_file(scripts: Scripts) -> None:
    """As it does for Alembic."""
    scripts.toml.write_text(f'{TOML}script_location = "nowhere"\n')
    assert heads(scripts) == ("a",)


@pytest.mark.parametrize(
    "line",
    ["version_locations = %(here)s/migrations/versions", "recursive_version_locations = true", "sourceless = true"],
)
def test_scripts_in_other_places_are_a_question_for_alembic(scripts: Scripts, line: str) -> None:
    """Separators, recursion, compiled files: it knows them all."""
    with scripts.ini.open("a") as file:
        file.write(line)
    with pytest.raises(NeedsAlembic):
        read_tree(scripts.files)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ini", "[alembic]\nscript_location = package:migrations\n"),
        ("toml", f'{TOML}script_location = ["migrations"]\n'),
        ("toml", f'{TOML}script_location = "migrations"\nversion_locations = ["%(here)s/other"]\n'),
    ],
)
def test_a_location_that_is_not_a_path_is_a_question_for_alembic(scripts: Scripts, kind: str, text: str) -> None:
    """A package's resource, a list."""
    scripts.ini.unlink()
    getattr(scripts, kind).write_text(text)
    with pytest.raises(NeedsAlembic):
        read_tree(scripts.files)


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("ini", b"no section\n", "cannot be read"),
        ("ini", b"[alembic]\nscript_location = %(nowhere)s\n", "cannot be read"),
        ("ini", b"[alembic]\nscript_location = 100%\n", "cannot be read"),
        ("ini", b"[alembic]\nscript_location = a\nscript_location = b\n", "cannot be read"),
        ("ini", b"\xff", "cannot be read"),
        ("ini", b"[other]\nscript_location = migrations\n", "has no script_location"),
        ("ini", b"", "has no script_location"),
        ("ini", b"[alembic]\nscript_location = nowhere\n", "there is no nowhere/env.py"),
        ("toml", b"[tool.alembic\n", "cannot be read"),
        ("toml", b"\xff", "cannot be read"),
        ("toml", b"tool = 1\n", "cannot be read"),
        ("toml", b"[tool]\nalembic = 'x'\n", "cannot be read"),
        ("toml", b"[project]\nname = 'x'\n", "has no script_location"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_a_fault(scripts: Scripts, kind: str, content: bytes, told: str) -> None:
    """A broken image is found out before it changes a database."""
    scripts.ini.unlink()
    getattr(scripts, kind).write_bytes(content)
    with pytest.raises(StartupError, match=told) as caught:
        read_tree(scripts.files)
    assert caught.value.failure.exits_with == 9


def test_a_configuration_in_another_directory_is_named(scripts: Scripts) -> None:
    """Teams enter `backend` before they call `alembic`; hidden directories are not theirs."""
    for name in ("backend/db", ".venv"):
        (scripts.ini.parent / name).mkdir(parents=True)
        (scripts.ini.parent / name / "alembic.ini").touch()
    scripts.ini.unlink()
    with pytest.raises(StartupError) as caught:
        AlembicFiles.find(None)
    assert caught.value.failure.hint.endswith(
        "There is backend/db/alembic.ini: ORCHESTRATOR_ALEMBIC_CONFIG=backend/db/alembic.ini"
    )


def test_the_files_are_those_of_the_current_directory(scripts: Scripts) -> None:
    """As the `alembic` command finds them."""
    assert AlembicFiles.find(None) == AlembicFiles(Path("alembic.ini"), None)
    scripts.toml.touch()
    assert AlembicFiles.find(None) == AlembicFiles(Path("alembic.ini"), Path("pyproject.toml"))
    scripts.ini.unlink()
    assert AlembicFiles.find(None) == AlembicFiles(None, Path("pyproject.toml"))


@pytest.mark.parametrize(
    ("name", "ini", "toml"), [("other.ini", "other.ini", None), ("x.toml", "alembic.ini", "x.toml")]
)
def test_a_file_that_is_named_takes_the_place_of_its_kind(
    scripts: Scripts, name: str, ini: str, toml: str | None
) -> None:
    """ORCHESTRATOR_ALEMBIC_CONFIG may name either."""
    (scripts.directory / name).touch()
    assert AlembicFiles.find(Path(name)) == AlembicFiles(Path(ini), Path(toml) if toml else None)


def test_no_configuration_at_all_is_a_fault_that_says_where_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working directory is wrong, most often."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StartupError, match=r"neither alembic\.ini nor pyproject") as caught:
        AlembicFiles.find(None)
    assert "ORCHESTRATOR_ALEMBIC_CONFIG" in caught.value.failure.hint
