"""The environment of the project's modules: the working directory in the import path, and a known command line."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_COMMANDS = ("alembic.config", "uvicorn.main")
_SHADOWS = ("alembic/__init__.py", "alembic.py")


def import_from_working_directory(app_dir: str = "") -> None:
    """Put the working directory first in `sys.path`, and `app_dir` (UVICORN_APP_DIR) before it.

    A project may keep its revisions in a package called `alembic`, or have a module called `random` or `html`. The
    commands `alembic` and `uvicorn` work next to it: by then they have imported their own one, or Python's. This
    function does the same.
    """
    here = Path.cwd()
    if any((here / name).is_file() for name in _SHADOWS) or _hides_standard_library(here):
        for command in _COMMANDS:
            with contextlib.suppress(ImportError):  # it is imported again later, and then explained
                _import_without(here, command)
    sys.path.insert(0, str(here))
    if app_dir:
        sys.path.insert(0, str(here / app_dir))


def _hides_standard_library(directory: Path) -> bool:
    """Return whether a module of the project has the name of one of Python's that is not imported yet."""
    with contextlib.suppress(OSError):  # it may be entered, but not listed
        return any(map(_is_unimported_standard_name, os.scandir(directory)))
    return False


def _is_unimported_standard_name(entry: "os.DirEntry[str]") -> bool:
    name = entry.name.removesuffix(".py")
    if name not in sys.stdlib_module_names or name in sys.modules:
        return False
    return name != entry.name or Path(entry.path, "__init__.py").is_file()


def show_known_command_line(*words: str) -> None:
    """Set `sys.argv` to the program that we replace: projects distinguish `alembic` and `uvicorn` by it."""
    program, *arguments = words
    sys.argv[:] = [str(Path(sys.argv[0]).with_name(program)), *arguments]


def _import_without(directory: Path, name: str) -> None:
    """Import a module from anywhere but this directory."""
    before = sys.path[:]
    sys.path[:] = [entry for entry in before if Path(entry or ".").resolve() != directory.resolve()]
    try:
        importlib.import_module(name)
    finally:
        sys.path[:] = before


def has_working_directory() -> bool:
    """Return False if the working directory was deleted, or this user may not read it."""
    return working_directory() is not None


def working_directory() -> Path | None:
    """Return the working directory; None if it was deleted, or this user may not read it."""
    with contextlib.suppress(OSError):
        return Path.cwd()
    return None


def enter(directory: Path | None) -> None:
    """Make it the working directory; do nothing if it is, or may not be entered any more."""
    if directory and directory != working_directory():
        with contextlib.suppress(OSError):
            os.chdir(directory)


@contextlib.contextmanager
def returning(directory: Path | None = None) -> Iterator[None]:
    """Enter `directory` (if one is given), and return at the end of the block, which may change the directory.

    An app may do so while it is imported. env.py and the hooks stay in the directory of the start, as if they ran in a
    process of their own.
    """
    before = working_directory()
    enter(directory)
    try:
        yield
    finally:
        enter(before)
