"""docs/decisions/seams.md lists every place where we change a library, and a test for each."""

import re
from pathlib import Path

from tests.unit.seams import seams

PAGE = Path("docs/decisions/seams.md")


def _rows() -> list[tuple[str, list[str], list[str]]]:
    """Return module, names and tests of each row."""
    rows = [line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [(_codes(row[0])[0], _codes(row[1]), _codes(row[-1])) for row in rows]


def _codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_lists_each_seam_of_the_code_and_no_other() -> None:
    """A reader who updates a library must find every place that may break."""
    assert {(module, name) for module, names, _ in _rows() for name in names} == seams()


def test_each_seam_has_a_test_that_exists() -> None:
    """A renamed test would leave its seam without a warning."""
    for module, _, tests in _rows():
        assert tests, module
        for path, _, name in (test.partition("::") for test in tests):
            assert not name or f"def {name}(" in Path(path).read_text(encoding="utf-8"), name
            assert Path(path).is_file()


def test_a_new_seam_is_found(tmp_path: Path) -> None:
    """Each kind of seam: a module's attribute, a foreign object's attribute, a private name, a hook, a subclass."""
    (tmp_path / "new.py").write_text(
        "import logging, signal, uvicorn\nfrom sqlalchemy import event\n"
        "logging.foo = 1\nthing.run = 2\nthing._inside  # noqa: SLF001\nsetattr(thing, name, 3)\n"
        "signal.signal(1, f)\nevent.listen(Engine, 'begin', f)\nclass A(uvicorn.Server):\n    own = 1\na.own = 2\n"
    )
    names = ["logging.foo", "run", "_inside", "setattr(thing)", "signal.signal", "Engine.begin", "class uvicorn.Server"]
    assert seams(tmp_path) == {("new", name) for name in names}
