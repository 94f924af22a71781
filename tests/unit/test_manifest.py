"""The manifest: it gives the same tree as Alembic."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
from alembic.config import Config

from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.files import NeedsAlembic, read_tree
from orchestrator.migrations.scripts.freeze import freeze
from orchestrator.migrations.scripts.manifest import FILE_NAME, read_manifest
from tests.unit.frozen import PLACES, Change, assert_same, freeze_now, frozen, manifest, of_a_package
from tests.unit.scripts import ENV, Scripts
from tests.unit.test_files import by_alembic, graphs


@hypothesis.given(graphs())
@hypothesis.settings(max_examples=hypothesis.settings().max_examples // 4)
def test_any_tree_is_frozen_as_alembic_reads_it(graph: list[tuple[str, list[str], list[str]]]) -> None:
    """Several heads need the permission that they need at the start too."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.chdir(directory)
        scripts = Scripts(Path(directory))
        for identity, follows, depends in graph:
            down: object = tuple(follows) if len(follows) > 1 else next(iter(follows), None)
            scripts.revision(identity, down, depends or None, doc=f"Words of {identity}")
        assert freeze({"ORCHESTRATOR_TARGET": "heads"}) == 0
        ours = read_manifest(scripts.files)
        assert ours is not None
        assert_same(ours, by_alembic(scripts))


def _in_several_places(scripts: Scripts) -> None:
    scripts.ini.write_text(scripts.ini.read_text() + PLACES)
    more = scripts.directory / "more"
    more.mkdir()
    (scripts.versions / "c_words.py").rename(more / "c_words.py")


def _in_places_of_toml(scripts: Scripts) -> None:
    _in_several_places(scripts)
    scripts.ini.unlink()
    scripts.toml.write_text(
        '[tool.alembic]\nscript_location = "%(here)s/migrations"\n'
        'version_locations = ["%(here)s/migrations/versions", "more"]\n'
    )


def _in_directories_of_directories(scripts: Scripts) -> None:
    scripts.ini.write_text(scripts.ini.read_text() + "recursive_version_locations = true\n")
    deep = scripts.versions / "2026" / "11"
    deep.mkdir(parents=True)
    (scripts.versions / "c_words.py").rename(deep / "c_words.py")


def _with_a_label(scripts: Scripts) -> None:
    (scripts.versions / "a_words.py").write_text('revision = "a"\ndown_revision = None\nbranch_labels = ("ground",)\n')
    scripts.revision("x", None, "ground")
    scripts.revision("d", ("c", "x"))


def _with_links(scripts: Scripts) -> None:
    """One to a script in another place, one from an invalid name, one to a file that is there already."""
    elsewhere = scripts.directory / "elsewhere"
    elsewhere.mkdir()
    (scripts.versions / "c_words.py").rename(elsewhere / "c_words.py")
    (scripts.versions / "c.link").symlink_to(elsewhere / "c_words.py")
    (scripts.versions / "z_again.py").symlink_to("a_words.py")
    (scripts.versions / "text.py").symlink_to("../../alembic.ini")


UNCLEAR: list[Change] = [
    *((_in_several_places, _in_places_of_toml) if hasattr(Config, "get_version_locations_list") else ()),
    _in_directories_of_directories,
    of_a_package,
    _with_a_label,
]


@pytest.mark.parametrize("change", UNCLEAR)
def test_what_only_alembic_understands_is_frozen_as_it_reads_it(scripts: Scripts, change: Change) -> None:
    """That is what the manifest is for: where the scripts are, and what a dependency means, is settled in the image."""
    change(scripts)
    with pytest.raises(NeedsAlembic):
        read_tree(scripts.files)
    tree = frozen(scripts)
    assert {"a", "b", "c"} <= tree.revisions.keys()
    assert_same(tree, by_alembic(scripts))


def test_links_are_followed_as_alembic_does(scripts: Scripts, recwarn: pytest.WarningsRecorder) -> None:
    """It goes by the name of what a link leads to, and takes no file twice; so do we, with and without a manifest."""
    _with_links(scripts)
    tree = frozen(scripts)
    assert tree.revisions.keys() == {"a", "b", "c"}
    assert_same(tree, read_tree(scripts.files))
    assert {str(each.message).rpartition("/")[2][:21] for each in recwarn} <= {"a_words.py loaded twi"}


@pytest.mark.parametrize("change", [lambda _: None, *UNCLEAR])
def test_the_same_scripts_give_the_same_bytes_wherever_they_are(
    scripts: Scripts, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer of an image is as it was when nothing has changed; and what was built elsewhere runs here."""
    change(scripts)
    frozen(scripts)
    first = manifest(scripts).read_bytes()
    freeze_now()
    assert manifest(scripts).read_bytes() == first
    other = scripts.directory.parent / "other"
    scripts.directory.rename(other)
    monkeypatch.chdir(other)
    (found,) = other.rglob(FILE_NAME)
    moved = AlembicFiles.find(None)
    assert read_manifest(moved) is not None
    found.unlink()
    freeze_now()
    assert found.read_bytes() == first


def test_it_can_be_read_by_every_user_and_by_people(scripts: Scripts) -> None:
    """An image is built by one user and runs as another; no secret of alembic.ini is in it."""
    scripts.ini.write_text(scripts.ini.read_text() + "sqlalchemy.url = mysql://app:s3cret@db/app\n")
    frozen(scripts)
    assert manifest(scripts).stat().st_mode & 0o777 == 0o644
    content = json.loads(manifest(scripts).read_text())
    assert (content["schema"], content["heads"], content["env_is_run"]) == (2, ["c"], "")
    assert [each["revision"] for each in content["scripts"]] == ["a", "b", "c"]
    assert [each["down_revision"] for each in content["scripts"]] == [[], ["a"], ["b"]]
    assert all(len(each["checksum"]) == 64 for each in content["scripts"])
    assert "s3cret" not in manifest(scripts).read_text()
    assert str(scripts.directory) not in manifest(scripts).read_text()


def test_an_env_that_has_to_be_run_is_reported_with_the_reason(
    scripts: Scripts, capfd: pytest.CaptureFixture[str]
) -> None:
    """It makes each start slower: the build must name the reason."""
    scripts.env.write_text(ENV.replace('"connection"]', '"connection"], version_table="mine"'))
    frozen(scripts)
    (line,) = capfd.readouterr().err.splitlines()
    reason = json.loads(manifest(scripts).read_text())["env_is_run"]
    assert line.endswith(reason)
    assert "version_table" in reason


def test_revisions_that_env_chooses_are_not_frozen(scripts: Scripts, capfd: pytest.CaptureFixture[str]) -> None:
    """The scripts next to env.py may not be the ones that it runs."""
    scripts.env.write_text(f"from alembic import context\ncontext.script.version_locations = ['x']\n{ENV}")
    freeze_now()
    assert not manifest(scripts).exists()
    assert "env.py chooses its scripts" in capfd.readouterr().err


def test_an_empty_tree_is_a_tree(scripts: Scripts) -> None:
    """A project that has not begun."""
    shutil.rmtree(scripts.versions)
    assert frozen(scripts).heads == ()


def test_without_a_manifest_there_is_nothing_to_say(scripts: Scripts, caplog: pytest.LogCaptureFixture) -> None:
    """A laptop has none, and reads its few scripts."""
    assert read_manifest(scripts.files) is None
    assert not caplog.records
