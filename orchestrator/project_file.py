"""What the project says about its app in its own files: pyproject.toml, as FastAPI's command reads it."""

import importlib.util
import tomllib
from pathlib import Path

_USUAL = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py", "src/main.py", "src/app/main.py")
_ASGI = ("FastAPI(", "Starlette(", "Litestar(", "Quart(")


def entrypoint(directory: Path) -> str:
    """The app of `[tool.fastapi] entrypoint`; empty when the file names none, or cannot be read."""
    try:
        with (directory / "pyproject.toml").open("rb") as file:
            found = tomllib.load(file).get("tool", {}).get("fastapi", {}).get("entrypoint", "")
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def likely_app(directory: Path) -> str:
    """The file, among the usual ones, that seems to hold an ASGI app; empty when none does."""
    for name in _USUAL:
        try:
            text = (directory / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if any(each in text for each in _ASGI):
            return name
    return ""


def may_be_imported(app: str) -> bool:
    """Whether there is a module or package of that name; a repository of migrations alone has none."""
    return importlib.util.find_spec(app.partition(":")[0].partition(".")[0]) is not None
