"""Finds env.py and the scripts from Alembic's options, without Alembic and without importing anything."""

import re
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from orchestrator.migrations.scripts.config import HERE, AlembicFiles
from orchestrator.migrations.scripts.env_file import EnvFile, read_env_file
from orchestrator.migrations.scripts.files import NeedsAlembic

# The options that decide which files are scripts. Store no others: one of them holds a password.
OPTIONS = (
    "script_location",
    "version_locations",
    "path_separator",
    "version_path_separator",
    "recursive_version_locations",
    "sourceless",
    "prepend_sys_path",
)


def deciding_options(files: AlembicFiles) -> dict[str, str]:
    """Return the options that decide which files are scripts, as written, so that a directory may be moved."""
    values = {name: files.template(name)[0] for name in OPTIONS}
    return {name: str(value or "") for name, value in values.items()}


def script_directory(files: AlembicFiles) -> Path | None:
    """Return the directory of env.py; None if only Alembic can find it."""
    location = files.option("script_location")
    return _place(location, files) if location and isinstance(location, str) else None


def env_file(files: AlembicFiles) -> EnvFile:
    """Return what env.py proves."""
    directory = script_directory(files)
    return read_env_file(directory / "env.py") if directory else EnvFile(ask="only Alembic finds it")


def find_locations(files: AlembicFiles, directory: Path, version_locations: tuple[str, ...]) -> list[Path]:
    """Return the directories of the scripts.

    Args:
        files: Alembic's configuration.
        directory: the directory of env.py.
        version_locations: as split by Alembic, with `%(here)s` left in them; empty for `versions` next to env.py.

    Raises:
        NeedsAlembic: only Alembic can find them.
    """
    here = files.template("version_locations")[1]
    places = [_place(each.replace(HERE, here), files) for each in version_locations]
    if None in places:
        raise NeedsAlembic("one of the version_locations cannot be found")
    return [each for each in places if each] or [directory / "versions"]


def _place(location: str, files: AlembicFiles) -> Path | None:
    """Return a directory, given by path or as `package:directory`; does not import the package."""
    if Path(location).is_absolute() or ":" not in location:
        return files.base / location
    package, *rest = location.split(":")
    search = _search_path(files)
    for name in _ancestors(package):
        try:
            spec = PathFinder.find_spec(name, search)
            search = list(spec.submodule_search_locations or ()) if spec else []
        except (ImportError, KeyError):  # KeyError: a namespace inside a package that is not imported
            return None
    return Path(search[0], *rest) if len(search) == 1 else None


def _ancestors(package: str) -> Iterator[str]:
    parts = package.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _search_path(files: AlembicFiles) -> list[str]:
    """Return where Alembic imports from; nothing if only Alembic can split its option."""
    value, here = files.template("prepend_sys_path")
    if isinstance(value, str) and re.search(r"[\s,:;]", value):
        return []
    entries = value if isinstance(value, list) else [value] if value else []
    return [*(str(each).replace(HERE, here) for each in entries), *sys.path]
