"""Which versions there are to try."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIBRARIES = ("alembic", "sqlalchemy", "uvicorn", "asyncmy", "asyncpg", "aiosqlite")
_PATCHES_MATTER = ("sqlalchemy",)  # 2.0.43 brought what others call a minor version
_REQUIREMENT = re.compile(r"(?P<name>[\w-]+)(\[\w+\])?>=(?P<floor>[\d.]+)(,<(?P<ceiling>[\d.]+))?")

Version = tuple[int, ...]


def every_minor(name: str) -> Iterator[str]:
    """Yield `name==version` for the last release of each minor version that pyproject.toml allows."""
    floor, ceiling = bounds()[name]
    newest: dict[Version, Version] = {}
    for version in filter(None, map(_parsed, _released(name))):
        if floor <= version and (ceiling is None or version < ceiling):
            key = version if name in _PATCHES_MATTER else version[:2]
            newest[key] = max(version, newest.get(key, version))
    yield from (f"{name}=={'.'.join(map(str, version))}" for version in sorted(newest.values()))


def bounds() -> dict[str, tuple[Version, Version | None]]:
    """Return the lowest version of each library, and the first that is too high."""
    project = _project()
    found = {}
    for text in (*project["dependencies"], *chain(*project["optional-dependencies"].values())):
        match = _REQUIREMENT.match(text)
        if match and match["name"] in LIBRARIES:
            found[match["name"]] = (_parsed(match["floor"]) or (), _parsed(match["ceiling"] or ""))
    return found


def extras_of_a_start() -> list[str]:
    """Name the extras, but for that of pytest: these tests themselves need a newer one than it allows."""
    return [name for name in _project()["optional-dependencies"] if name != "pytest"]


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _released(name: str) -> list[str]:
    command = [sys.executable, "-m", "pip", "-qq", "index", "versions", name, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    versions: list[str] = json.loads(done.stdout)["versions"]
    return versions


def _parsed(text: str) -> Version | None:
    """Return a release as numbers; None for a pre-release."""
    return tuple(map(int, text.split("."))) if re.fullmatch(r"[\d.]+", text) else None
