"""The app that the project's own files name: pyproject.toml, as FastAPI's command reads it."""

import importlib.util
from pathlib import Path

_USUAL = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py", "src/main.py", "src/app/main.py")
_ASGI = ("FastAPI(", "Starlette(", "Litestar(", "Quart(")


def entrypoint(directory: Path) -> str:
    """Return the app in `[tool.fastapi] entrypoint`; empty if the file names none or cannot be read."""
    try:
        text = (directory / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    if "entrypoint" not in text:  # most name none, and parsing takes a while
        return ""
    import tomllib

    try:
        found = tomllib.loads(text).get("tool", {}).get("fastapi", {}).get("entrypoint", "")
    except (tomllib.TOMLDecodeError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def likely_app(directory: Path) -> str:
    """Return the usual file that seems to contain an ASGI app; empty if none does."""
    for name in _USUAL:
        try:
            text = (directory / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if any(each in text for each in _ASGI):
            return name
    return ""


def may_be_imported(app: str) -> bool:
    """Return whether there is a module or package of that name; a repository of migrations alone has none."""
    return importlib.util.find_spec(app.partition(":")[0].partition(".")[0]) is not None
