"""Importing the app: the failure if it cannot be imported, and the event loop that it runs in."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from uvicorn.importer import ImportFromStringError, import_from_string

from orchestrator import clash
from orchestrator.errors import AppFailed
from orchestrator.project_file import likely_app
from orchestrator.sentences import Ours, Words, joined
from orchestrator.settings import Settings

_PATHS_TOLD = 3
_LONGEST_CAUSE = 1_000  # characters


def app_failed(name: str, what: str, error: BaseException, hint: str = "") -> AppFailed:
    """Return the failure for an app that does not start."""
    kind, cause = Ours(type(error).__name__), _short(str(error))
    message = Words("{what}: {kind}[: {cause}]", what=Ours(what), kind=kind, cause=cause)
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "orchestrator":
        message = joined(" ", (Ours(clash.explanation()), message))
    return AppFailed(error_type="app_failed", error_message=message, app=name, hint=hint)


def _short(text: str) -> str:
    """Return the text in one line, cut between two words: the redactor does not recognise half a secret."""
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_CAUSE else f"{words[:_LONGEST_CAUSE].rpartition(' ')[0]} …"


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the loop factory that UVICORN_LOOP names; None for asyncio's own loop."""
    if name in {"none", "asyncio"}:
        return None
    if name not in {"auto", "uvloop"}:
        found: Callable[[], asyncio.AbstractEventLoop] = import_from_string(name)
        return found
    try:
        import uvloop
    except ImportError:
        if name == "uvloop":
            raise
        return None
    return uvloop.new_event_loop


def where_it_was_looked_for(settings: Settings, error: BaseException) -> str:
    """Return the hint for an app that was not found: the variable that names it, and where it was looked for.

    Empty if the app was found and failed to import.
    """
    module = settings.app.partition(":")[0]
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    if not isinstance(error, ImportFromStringError) and not (missing and f"{module}.".startswith(f"{missing}.")):
        return ""
    given = "app" in settings.fields_set
    named = "ORCHESTRATOR_APP names" if given else "ORCHESTRATOR_APP is not set; its default is"
    path = module.replace(".", "/")
    places = ", ".join(place or "." for place in sys.path[:_PATHS_TOLD])
    found = likely_app(Path.cwd())
    likely = f" {found} seems to hold an app: ORCHESTRATOR_APP={_import_string(found)}?" if found else ""
    return (
        f"{named} {settings.app}: {path}.py or {path}/__init__.py was looked for in {places} and among the"
        f" installed packages. Set ORCHESTRATOR_APP=module:attribute; UVICORN_APP_DIR adds a directory.{likely}"
    )


def _import_string(file: str) -> str:
    return f"{file.removesuffix('.py').replace('/', '.')}:app"
