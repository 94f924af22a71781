"""Scripts that only running them shows are not frozen, and a tree that cannot be used fails the build."""

import sys

import pytest

from orchestrator.migrations.scripts.freeze import freeze
from orchestrator.migrations.scripts.manifest import FILE_NAME, read_manifest
from tests.unit.frozen import Change, freeze_now, frozen, manifest, of_a_package
from tests.unit.scripts import Scripts


def _sourceless(scripts: Scripts) -> None:
    scripts.ini.write_text(scripts.ini.read_text() + "sourceless = true\n")


def _from_elsewhere(scripts: Scripts) -> None:
    (scripts.directory / "ids.py").write_text("revision = 'd'\n")
    scripts.write("d_words.py", "from ids import revision\ndown_revision = 'c'\n")


def _by_its_name(scripts: Scripts) -> None:
    scripts.write("abcdef.py", "down_revision = 'c'\n")


def _in_a_package_that_is_found_in_two_ways(scripts: Scripts) -> None:
    of_a_package(scripts)
    scripts.ini.write_text(scripts.ini.read_text().replace("= %(here)s", "= %(here)s:/nowhere"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda scripts: scripts.write("d.py", "revision = 'd' + ''\ndown_revision = 'c'\n"), "d.py computes"),
        (_from_elsewhere, "d_words.py computes"),
        (_by_its_name, "abcdef.py computes"),
        (_sourceless, "sourceless"),
        (_in_a_package_that_is_found_in_two_ways, "only Alembic finds its script_location"),
        pytest.param(
            lambda scripts: scripts.revision("d", "c", doc="\\ud800"),
            "surrogates",
            marks=pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 does not compile such a script"),
        ),
    ],
)
def test_what_only_running_a_script_shows_is_not_frozen(
    scripts: Scripts, capfd: pytest.CaptureFixture[str], change: Change, told: str
) -> None:
    """The next start might give another result. The build continues, and an old manifest is removed."""
    frozen(scripts)
    change(scripts)
    freeze_now()
    assert not manifest(scripts).exists()
    said = capfd.readouterr().err
    assert told in said
    assert said.startswith("orchestrator freeze: no manifest, ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda scripts: scripts.write("d.py", "revision = ("), "d.py"),
        (lambda scripts: scripts.revision("d", "nothing"), "nothing"),
        (lambda scripts: scripts.revision("d", "a"), "there are 2 heads: c, d"),
        (lambda scripts: scripts.env.unlink(), "env.py"),
        (lambda scripts: scripts.ini.unlink(), "alembic.ini"),
        (lambda scripts: scripts.ini.write_text("[alembic]\nscript_location = nowhere\n"), "nowhere"),
        (lambda scripts: scripts.ini.write_text("[alembic]\n"), "script_location"),
    ],
)
def test_a_tree_of_no_use_fails_the_build(
    scripts: Scripts, capfd: pytest.CaptureFixture[str], change: Change, told: str
) -> None:
    """With the exit code that a start would have, and one line."""
    change(scripts)
    assert freeze({}) == 9
    said = capfd.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not manifest(scripts).exists()


def test_several_heads_may_be_meant(scripts: Scripts) -> None:
    """As at the start: ORCHESTRATOR_TARGET in the image allows that."""
    scripts.revision("d", "a")
    assert freeze({"ORCHESTRATOR_TARGET": "heads"}) == 0
    tree = read_manifest(scripts.files)
    assert tree is not None
    assert tree.heads == ("c", "d")


def test_an_unknown_target_fails_the_build(scripts: Scripts, capfd: pytest.CaptureFixture[str]) -> None:
    """And a variable that is wrong as well."""
    assert freeze({"ORCHESTRATOR_TARGET": "nothing"}) == 9
    assert "nothing" in capfd.readouterr().err
    assert freeze({"ORCHESTRATOR_ALEMBIC_CONFIG": "nowhere.ini"}) == 78
    assert "ORCHESTRATOR_ALEMBIC_CONFIG" in capfd.readouterr().err
    assert not manifest(scripts).exists()


def test_a_manifest_that_cannot_be_written_fails_the_build(scripts: Scripts, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is left half done."""
    (manifest(scripts) / "in the way").mkdir(parents=True)
    before = sorted(scripts.directory.rglob("*.json*"))
    assert freeze({}) == 1
    assert sorted(scripts.directory.rglob("*.json*")) == before
    said = capfd.readouterr().err
    assert "cannot be written" in said
    assert FILE_NAME in said
    assert said.count("\n") == 1
