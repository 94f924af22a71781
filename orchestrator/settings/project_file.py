"""The app that the project's own files name: pyproject.toml, as FastAPI's command reads it."""

import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PLACES = ("", "app/", "src/", "src/app/", "[a-z]*/", "src/[a-z]*/")
_NAMES = ("main.py", "app.py", "api.py")
_MOST_FILES = 50  # in a directory of many packages
_ASGI = r"\b(?:FastAPI|Starlette|Litestar|Quart)\("


def entrypoint(directory: Path) -> str:
    """Return the app in `[tool.fastapi] entrypoint`; empty if the file names none or cannot be read."""
    try:
        text = (directory / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    if "entrypoint" not in text:  # most name none, and parsing takes a while
        return ""
    try:
        found = parsed_toml(text).get("tool", {}).get("fastapi", {}).get("entrypoint", "")
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


@functools.cache
def parsed_toml(text: str) -> dict[str, Any]:
    """Parse the text of a pyproject.toml once: FastAPI's part and Alembic's are both read at a start.

    Raises:
        ValueError: the text is not TOML.
    """
    import tomllib  # 3 ms, which a project without pyproject.toml saves

    return tomllib.loads(text)


def likely_app(directory: Path) -> tuple[str, str]:
    """Return the first usual file that seems to contain an ASGI app, and its import string; empty if none does."""
    for file in [*_usual_files(directory)][:_MOST_FILES]:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if re.search(_ASGI, text):
            named = re.search(rf"^(\w+)\b[^=\n]*=\s*[\w.]*{_ASGI}", text, re.MULTILINE)
            path = file.relative_to(directory).as_posix()
            return path, f"{path.removesuffix('.py').replace('/', '.')}:{named[1] if named else 'app'}"
    return "", ""


def _usual_files(directory: Path) -> Iterator[Path]:
    for place in _PLACES:
        for name in _NAMES:
            yield from sorted(directory.glob(place + name))


def may_be_imported(app: str) -> bool:
    """Return whether there is a module or package of that name; a repository of migrations alone has none."""
    return importlib.util.find_spec(app.partition(":")[0].partition(".")[0]) is not None
