"""A manifest that does not fit the scripts any more is reported and not used."""

import hashlib
import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.migrations.scripts.freeze import freeze
from orchestrator.migrations.scripts.manifest import read_manifest
from tests.unit.frozen import PLACES, Change, frozen, manifest, scripts_in
from tests.unit.scripts import Scripts


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
    scripts = scripts_in(path.parents[2] / "another")
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
