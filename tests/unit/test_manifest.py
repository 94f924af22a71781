"""The manifest: it gives the same tree as Alembic, or it is not used; and the build if it cannot be written."""

import hashlib
import json
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from alembic.config import Config

from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.files import NeedsAlembic, read_tree
from orchestrator.migrations.scripts.freeze import freeze
from orchestrator.migrations.scripts.manifest import FILE_NAME, read_manifest
from orchestrator.migrations.scripts.tree import Tree
from tests.unit.scripts import ENV, Scripts, shape
from tests.unit.test_files import by_alembic, graphs

PLACES = "path_separator = os\nversion_locations = %(here)s/migrations/versions:%(here)s/more\n"
Change = Callable[[Scripts], object]


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """An Alembic directory with three revisions, which is the current one."""
    scripts = _make(tmp_path / "tree")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(scripts.directory)
    return scripts


def _make(directory: Path) -> Scripts:
    directory.mkdir()
    scripts = Scripts(directory)
    scripts.revision("a")
    scripts.revision("b", "a")
    scripts.revision("c", "b")
    return scripts


def manifest(scripts: Scripts) -> Path:
    """Where it is."""
    return scripts.env.with_name(FILE_NAME)


def frozen(scripts: Scripts) -> Tree:
    """Freeze the scripts, and return what is read then, without a warning."""
    _freeze()
    tree = read_manifest(scripts.files)
    assert tree is not None
    return tree


def _freeze() -> None:
    """Freeze as in a new process, which has not imported the package of another test."""
    for name in ("plants", "plants.storage"):
        sys.modules.pop(name, None)
    assert freeze({}) == 0


def assert_same(ours: Tree, theirs: Tree) -> None:
    """Two trees are one, with all that is known of each revision."""
    assert shape(ours) == shape(theirs)
    assert {each.id: each.checksum for each in ours.ordered} == {each.id: each.checksum for each in theirs.ordered}
    assert ours.heads == theirs.heads


# ---------------------------------------------------------------- its content


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


def _of_a_package(scripts: Scripts) -> None:
    package = scripts.directory / "plants" / "storage"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    scripts.env.parent.rename(package / "migrations")
    scripts.env, scripts.versions = package / "migrations" / "env.py", package / "migrations" / "versions"
    scripts.ini.write_text(
        "[alembic]\nscript_location = plants.storage:migrations\nprepend_sys_path = %(here)s\npath_separator = os\n"
    )


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
    _of_a_package,
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
    _freeze()
    assert manifest(scripts).read_bytes() == first
    other = scripts.directory.parent / "other"
    scripts.directory.rename(other)
    monkeypatch.chdir(other)
    (found,) = other.rglob(FILE_NAME)
    moved = AlembicFiles.find(None)
    assert read_manifest(moved) is not None
    found.unlink()
    _freeze()
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
    _freeze()
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


# ---------------------------------------------------------------- what is not as it was


def _edit(path: str, old: str, new: str) -> Change:
    def change(scripts: Scripts) -> None:
        file = scripts.directory / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return change


def _same_size_and_time(scripts: Scripts) -> None:
    path = scripts.versions / "c_words.py"
    before = path.stat()
    path.write_text(path.read_text().replace("revision: str = 'c'", "revision: str = 'd'"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def _moved_scripts(scripts: Scripts) -> None:
    scripts.env.parent.rename(scripts.directory / "renamed")
    scripts.ini.write_text(scripts.ini.read_text().replace("migrations", "renamed"))


CHANGES: list[tuple[Change, str]] = [
    (_edit("migrations/versions/b_words.py", "words\n", "other\n"), "b_words.py was changed"),
    (_same_size_and_time, "c_words.py was changed"),
    (lambda scripts: scripts.revision("d", "c"), "d_words.py was added"),
    (lambda scripts: (scripts.versions / "c_words.py").unlink(), "c_words.py was removed"),
    (lambda scripts: (scripts.versions / "c_words.py").rename(scripts.versions / "0.py"), "0.py was added"),
    (lambda scripts: (scripts.versions / "c.link").symlink_to(scripts.env), "c.link was added"),
    (_edit("migrations/env.py", "import", "import  "), "env.py was changed"),
    (_moved_scripts, "script_location was changed"),
    (_edit("alembic.ini", "%(here)s/", ""), "script_location was changed"),
    (_edit("alembic.ini", "[alembic]", "[alembic]\nrecursive_version_locations = true"), "recursive_version_locations"),
    (_edit("alembic.ini", "[alembic]", "[alembic]\n" + PLACES), "version_locations was changed"),
    (_edit("alembic.ini", "[alembic]", "[alembic]\nsourceless = true"), "sourceless was changed"),
    (_edit("alembic.ini", "[alembic]", "[alembic]\nprepend_sys_path = ."), "prepend_sys_path was changed"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_a_changed_file_is_reported_and_read_again(
    scripts: Scripts, caplog: pytest.LogCaptureFixture, change: Change, told: str
) -> None:
    """A manifest that is believed for too long would skip a migration."""
    frozen(scripts)
    change(scripts)
    assert read_manifest(scripts.files) is None
    _assert_warned(caplog, told)


def test_a_link_that_leads_elsewhere_is_noticed(scripts: Scripts, caplog: pytest.LogCaptureFixture) -> None:
    """The target of the link counts, not the link."""
    other = scripts.directory / "other.py"
    other.write_text((scripts.versions / "c_words.py").read_text() + "# other\n")
    link = scripts.versions / "c_words.py"
    link.rename(scripts.directory / "one.py")
    link.symlink_to("../../one.py")
    frozen(scripts)
    link.unlink()
    link.symlink_to("../../other.py")
    assert read_manifest(scripts.files) is None
    _assert_warned(caplog, "other.py was changed")


def test_other_changes_are_nobodys_business(scripts: Scripts, caplog: pytest.LogCaptureFixture) -> None:
    """A foreign file, a time, a setting of the log, a cache: none of these may slow down the start."""
    frozen(scripts)
    (scripts.versions / "notes.txt").write_text("words")
    (scripts.versions / "__init__.py").write_text("")
    (scripts.versions / "__pycache__").mkdir(exist_ok=True)
    (scripts.versions / "a_words.py").touch()
    scripts.ini.write_text(scripts.ini.read_text() + "sqlalchemy.url = x\n[loggers]\nkeys = root\n")
    assert read_manifest(scripts.files) is not None
    assert not caplog.records


def _of_another_project(path: Path) -> None:
    scripts = _make(path.parents[2] / "another")
    scripts.revision("d", "c")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.chdir(scripts.directory)
        assert freeze({}) == 0
    manifest(scripts).replace(path)


def _resigned(old: str, new: str) -> Callable[[Path], None]:
    """Change it, and sign it like `freeze`: an attacker who can do that can change the scripts as well."""

    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        unsigned = re.sub('"digest": ".*?"', '"digest": ""', text.replace(old, new, 1))
        digest = hashlib.sha256(unsigned.encode()).hexdigest()
        path.write_text(unsigned.replace('"digest": ""', f'"digest": "{digest}"'))

    return change


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "damaged"),
        (lambda path: path.write_bytes(b"[" * 100_000), "damaged"),
        (lambda path: path.write_bytes(b"\xff\x00" * 1000), "damaged"),
        (lambda path: path.write_bytes(b"null"), "damaged"),
        (lambda path: path.write_text(path.read_text().replace('"schema": 2', '"schema": 1')), "another version"),
        (lambda path: path.write_text(path.read_text().replace('"schema": 2', '"schema": 2, "new": 1')), "edited"),
        (lambda path: path.write_text(path.read_text().replace('"revision": "b"', '"revision": 7')), "edited"),
        (lambda path: path.write_text(path.read_text().replace('"c"', '"d"')), "edited"),
        (lambda path: path.write_text(path.read_text().replace('"digest": "', '"digest": "\\"')), "edited"),
        (_resigned('"recursive": false', '"cursive": false'), "another version"),
        (_of_another_project, "d_words.py was removed"),
        (_resigned("0/b_words.py", "0/../../../b_words.py"), "was removed"),
        (_resigned('"b"\n   ],\n   "depends_on"', '"x"\n   ],\n   "depends_on"'), "needs x, which does not exist"),
    ],
)
def test_an_invalid_manifest_is_reported_and_not_used(
    scripts: Scripts, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object], told: str
) -> None:
    """A merge, a full disk, an older or newer version of the product: the scripts are still there."""
    frozen(scripts)
    damage(manifest(scripts))
    assert read_manifest(scripts.files) is None
    _assert_warned(caplog, told)


def test_a_directory_in_its_place_is_not_a_manifest(scripts: Scripts) -> None:
    """Nobody wrote that."""
    manifest(scripts).mkdir()
    assert read_manifest(scripts.files) is None


def _assert_warned(caplog: pytest.LogCaptureFixture, told: str) -> None:
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("orchestrator.migrations.scripts.manifest", logging.WARNING)
    assert told in record.getMessage()
    assert "orchestrator freeze" in record.getMessage()
    assert len(record.getMessage()) < 600


# ---------------------------------------------------------------- what is not frozen


def _sourceless(scripts: Scripts) -> None:
    scripts.ini.write_text(scripts.ini.read_text() + "sourceless = true\n")


def _from_elsewhere(scripts: Scripts) -> None:
    (scripts.directory / "ids.py").write_text("revision = 'd'\n")
    scripts.write("d_words.py", "from ids import revision\ndown_revision = 'c'\n")


def _by_its_name(scripts: Scripts) -> None:
    scripts.write("abcdef.py", "down_revision = 'c'\n")


def _in_a_package_that_is_found_in_two_ways(scripts: Scripts) -> None:
    _of_a_package(scripts)
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
            marks=pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python 3.14 does not compile such a script"),
        ),
    ],
)
def test_what_only_running_a_script_shows_is_not_frozen(
    scripts: Scripts, capfd: pytest.CaptureFixture[str], change: Change, told: str
) -> None:
    """The next start might give another result. The build continues, and an old manifest is removed."""
    frozen(scripts)
    change(scripts)
    _freeze()
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
