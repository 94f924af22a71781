"""Reading the tree from its files: as Alembic does, or a question for Alembic, or a fault that names the file."""

import errno
import hashlib
import os
import py_compile
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy.engine.url import make_url

from orchestrator.errors import StartupError
from orchestrator.migrations.scripts.alembic_scripts import alembic_config, load_scripts
from orchestrator.migrations.scripts.facts import checksum_of
from orchestrator.migrations.scripts.files import NeedsAlembic, read_tree
from orchestrator.migrations.scripts.tree import Tree
from tests.unit.scripts import Scripts, shape

HEADER = '"""words"""\nrevision = "a"\ndown_revision = None\n'


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """An Alembic directory without revisions."""
    return Scripts(tmp_path)


def by_alembic(scripts: Scripts) -> Tree:
    """The tree as Alembic reads it."""
    return load_scripts(alembic_config(scripts.files, make_url("sqlite+aiosqlite:///x.db"), "head"))[1]


def fault(scripts: Scripts) -> str:
    """Return the message for unusable scripts."""
    with pytest.raises(StartupError) as caught:
        read_tree(scripts.files)
    return f"{caught.value.failure.error_type}: {caught.value.failure.error_message}"


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, list[str], list[str]]]:
    """Revisions with what they follow and depend on: branches, merges, several bases."""
    graph: list[tuple[str, list[str], list[str]]] = []
    for number in range(draw(st.integers(0, 8))):
        earlier = [identity for identity, _, _ in graph]
        some = st.lists(st.sampled_from(earlier), unique=True, max_size=3) if earlier else st.just([])
        follows = draw(some)
        depends = [each for each in draw(some) if each not in follows and draw(st.booleans())]
        graph.append((draw(st.sampled_from("abcxyz")) + f"{number}", follows, depends))
    return draw(st.permutations(graph))


@hypothesis.given(graphs())
@hypothesis.settings(max_examples=hypothesis.settings().max_examples // 2)
def test_any_tree_is_read_as_alembic_reads_it(graph: list[tuple[str, list[str], list[str]]]) -> None:
    """It decides about a start at head without Alembic, so the two must never differ."""
    with tempfile.TemporaryDirectory() as directory:
        scripts = Scripts(Path(directory))
        for identity, follows, depends in graph:
            down: object = tuple(follows) if len(follows) > 1 else next(iter(follows), None)
            scripts.revision(identity, down, depends or None, doc=f"Words of {identity}")
        ours, theirs = read_tree(scripts.files), by_alembic(scripts)
        loaded, _ = load_scripts(alembic_config(scripts.files, make_url("sqlite+aiosqlite:///x.db"), "head"))
        assert shape(ours) == shape(theirs)
        assert {each.id: each.checksum for each in ours.ordered} == {each.id: each.checksum for each in theirs.ordered}
        assert set(ours.heads) == set(loaded.get_heads())
        for target in ("heads", *ours.revisions):
            steps = [step.revision.revision for step in loaded._upgrade_revs(target, ())]  # type: ignore[arg-type]  # noqa: SLF001  # as the runner does
            assert set(steps) == ours.lineage(ours.heads if target == "heads" else [target])


@pytest.mark.parametrize(
    "content",
    [
        HEADER,
        'revision: str = "a"\ndown_revision: str | None = None\ndepends_on: object = None\n',
        'revision = "a"; down_revision = None',
        'revision = identity = "a"\ndown_revision = depends_on = None\n',
        'revision = "b"\nrevision = "a"\ndown_revision = None\n',
        'revision = "a"\ndown_revision = ()\n',
        'revision = "a"\ndown_revision = []\ndepends_on = []\n',
        'revision = ("a")\ndown_revision = (None)\n',
        'revision = "\\x61"\ndown_revision = None\n',
        "\ufeff" + HEADER,
        'revision, down_revision = "a", None\n',
        'FIRST = "a"\nrevision = FIRST\ndown_revision = depends_on = ()\nbranch_labels = str(1)\n',
        HEADER + "import os\nif os.environ: os.getpid()\nfor revision_ in (): pass\n",
        HEADER + "def upgrade():\n    revision, down_revision = 1, 2\nclass X:\n    revision = 3\n",
        'r"""\n  Raw \\d words\n\nmore\n"""\nrevision = "a"\ndown_revision = None\n',
        "'One' ' line'\nrevision = 'a'\ndown_revision = None\n",
        HEADER.replace("\n", "\r\n"),
    ],
)
def test_a_plain_script_is_read_as_alembic_reads_it(scripts: Scripts, content: str) -> None:
    """The ways of writing the same thing."""
    scripts.write("a.py", content)
    assert shape(read_tree(scripts.files)) == shape(by_alembic(scripts))
    assert read_tree(scripts.files).heads == ("a",)


@pytest.mark.parametrize(
    "content",
    [
        'revision = "a" + ""\ndown_revision = None\n',
        'revision = f"a"\ndown_revision = None\n',
        'import os\nrevision = os.environ.get("X", "a")\ndown_revision = None\n',
        'revision, *down_revision = "a", "b"\n',
        'revision, down_revision = ("a", None), None\n',
        'from os import OTHER\nOTHER = "a"\nrevision = OTHER\ndown_revision = None\n',
        '(revision := "a")\ndown_revision = None\n',
        HEADER + 'if True:\n    down_revision = "other"\n',
        HEADER + 'for revision in "xyz": pass\n',
        HEADER + 'revision += "b"\n',
        HEADER + "del down_revision\n",
        HEADER + "from os import path as down_revision\n",
        HEADER + "from os import *\n",
        HEADER + "with open(__file__) as revision: pass\n",
        HEADER + "depends_on = str(1)\n",
        HEADER + "OTHER = 'x'\nOTHER = 'y'\ndepends_on = OTHER\n",
        'revision = "a"\n',
        "revision: str\ndown_revision = None\n",
        "down_revision = None\n",
        "",
        "revision = 7\ndown_revision = None\n",
        'revision = "a"\ndown_revision = {[]: 1}\n',
        'revision = "a"\ndown_revision = 7\n',
        'revision = "a"\ndown_revision = (None, "b")\n',
        'revision = "a"\ndown_revision = {"b": 1}\n',
        'revision = "a"\ndown_revision = None\ndepends_on = "label"\n',
    ],
)
def test_what_is_not_plain_is_a_question_for_alembic(scripts: Scripts, content: str) -> None:
    """It runs the script; we would have to guess."""
    scripts.write("a.py", content)
    with pytest.raises(NeedsAlembic):
        read_tree(scripts.files)


@pytest.mark.parametrize(
    "content",
    [
        "revision = (",
        "<<<<<<< HEAD\n",
        b"x = '\xff'\n",
        b"\x00",
        "x = " + "-" * 100_000 + "1",
        "x = " + "(" * 1000,
        b"# coding: no-such-codec\n",
        b"\xff\xfe" + HEADER.encode("utf-16-le"),
        "def upgrade():\npass\n",
    ],
)
def test_a_script_that_is_not_a_python_is_a_fault_that_names_it(scripts: Scripts, content: str | bytes) -> None:
    """A conflict that was committed, most often."""
    scripts.write("0001_words.py", content)
    assert fault(scripts).startswith("unreadable_script: 0001_words.py cannot be read: ")


def test_a_directory_in_a_scripts_place_is_a_fault_that_names_it(scripts: Scripts) -> None:
    """So is any other file that cannot be opened."""
    (scripts.versions / "0001.py").mkdir()
    assert "0001.py" in fault(scripts)


def test_what_alembic_passes_over_is_passed_over(scripts: Scripts) -> None:
    """Editors' locks, packages, notes, and what Python compiled."""
    scripts.revision("a")
    for name in ("__init__.py", "__init__x.py", ".#a.py", "notes.txt", "a.py~", "a.pyc", "a.PY", "script.py.mako"):
        scripts.write(name, "no python (")
    (scripts.versions / "__pycache__").mkdir()
    (scripts.versions / "more").mkdir()
    (scripts.versions / "more" / "b.py").write_text("no python (")
    assert shape(read_tree(scripts.files)) == shape(by_alembic(scripts)) == {"a": (set(), set(), "words")}


def test_a_script_is_known_by_the_hash_of_its_bytes(scripts: Scripts) -> None:
    """Of a compiled one nothing is known: it holds the time of its source, so each image has another."""
    scripts.write("a.py", HEADER)
    assert read_tree(scripts.files).revisions["a"].checksum == hashlib.sha256(HEADER.encode()).hexdigest()
    py_compile.compile(str(scripts.versions / "a.py"), str(scripts.versions / "a.pyc"))
    (scripts.versions / "a.py").unlink()
    scripts.ini.write_text(scripts.ini.read_text() + "sourceless = true\n")
    assert by_alembic(scripts).revisions["a"].checksum == ""


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_a_file_is_hashed_to_its_end(tmp_path: Path, size: int) -> None:
    """It is read in parts, and a short part is the last one; a script with data in it may be large."""
    path = tmp_path / "script.py"
    path.write_bytes(content := bytes(number % 251 for number in range(size)))
    assert checksum_of(path) == hashlib.sha256(content).hexdigest()


def test_an_invalid_tree_is_a_fault(scripts: Scripts) -> None:
    """Found without Alembic, and before anything is changed."""
    scripts.revision("b", "a")
    assert "broken_chain: revision b needs a" in fault(scripts)
    scripts.revision("a", "b")
    assert "in a circle: a, b" in fault(scripts)
    scripts.write("copy.py", HEADER)
    assert fault(scripts) == "duplicate_revision: revision a exists twice"


def test_no_versions_are_an_empty_tree(scripts: Scripts) -> None:
    """Git keeps no empty directories."""
    scripts.versions.rmdir()
    assert read_tree(scripts.files).heads == ()


def test_a_directory_that_is_closed_to_us_is_a_fault_that_names_it(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image is built by one user and runs as another; but a test may run as root, to whom nothing is closed."""

    def closed(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", closed)
    assert fault(scripts) == f"unreadable_script: {scripts.versions} cannot be read: Permission denied"
