"""Importing the app: the failure if it cannot be imported, and the event loop that it runs in."""

import asyncio
import inspect
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from uvicorn.importer import ImportFromStringError, import_from_string

from orchestrator import clash
from orchestrator.address.drivers import missing_driver
from orchestrator.errors import AppFailed
from orchestrator.runtime.exhaustion import HINT, is_exhaustion
from orchestrator.runtime.twins import hint_for_twins
from orchestrator.sentences import Ours, Words, joined, text_of
from orchestrator.settings.model import Settings
from orchestrator.settings.project_file import likely_app

_PATHS_TOLD = _APPS_TOLD = 3
_LONGEST_CAUSE = 1_000  # characters


def app_failed(name: str, what: str, error: BaseException, hint: str = "") -> AppFailed:
    """Return the failure for an app that does not start."""
    kind, cause = Ours(type(error).__name__), _short(text_of(error))
    message = Words("{what}: {kind}[: {cause}][ ({why})]", what=Ours(what), kind=kind, cause=cause, why=_why(error))
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "orchestrator":
        message = joined(" ", (Ours(clash.explanation()), message))
    hint = HINT if is_exhaustion(error) else hint
    return AppFailed(error_type="app_failed", error_message=message, app=name, hint=hint)


def _why(error: BaseException) -> str:
    """Return what the error was raised from, as logging's `Unable to configure handler 'file'`; empty if it says so."""
    reason = error.__cause__
    text = _short(text_of(reason)) if reason else ""
    return f"{type(reason).__name__}: {text}" if text and text not in _short(text_of(error)) else ""


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


def was_not_found(settings: Settings, error: BaseException) -> bool:
    """Return whether the app's module or attribute does not exist: none of the project's code is in the traceback."""
    module = settings.app.partition(":")[0]
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return isinstance(error, ImportFromStringError) or bool(missing and f"{module}.".startswith(f"{missing}."))


def hint_for(settings: Settings, error: BaseException) -> str:
    """Return the hint for an app that was not found, misses its driver, or was imported twice; otherwise empty."""
    module, _, attribute = settings.app.partition(":")
    if not was_not_found(settings, error):
        return missing_driver(error) or hint_for_twins(error)
    return _what_there_is(settings, module, attribute) if module in sys.modules else _where_it_was_looked_for(settings)


def _where_it_was_looked_for(settings: Settings) -> str:
    path = settings.app.partition(":")[0].replace(".", "/")
    installed = [*sysconfig.get_paths().values()]
    own = [each for each in dict.fromkeys(sys.path) if not any(Path(each).is_relative_to(one) for one in installed)]
    places = ", ".join([each or "." for each in own if Path(each).is_dir()][:_PATHS_TOLD])
    file, app = likely_app(Path.cwd())
    likely = f" {file} seems to hold an app: ORCHESTRATOR_APP={app}?" if file else ""
    return (
        f"{_named(settings)}: {path}.py or {path}/__init__.py was looked for in {places} and among the"
        f" installed packages. Set ORCHESTRATOR_APP=module:attribute; UVICORN_APP_DIR adds a directory.{likely}"
    )


def _what_there_is(settings: Settings, module: str, attribute: str) -> str:
    """Return the hint for a module without the attribute: the ASGI apps that it has."""
    loaded = sys.modules[module]
    apps = sorted(name for name, value in vars(loaded).items() if not name.startswith("_") and is_asgi_app(value))
    named = (
        f"{_named(settings)}, but {module} ({getattr(loaded, '__file__', None) or 'a package'}) has no `{attribute}`."
    )
    if not apps:
        return f"{named} It has no ASGI app. Set ORCHESTRATOR_APP to the app, or to the function that makes it."
    return f"{named} Its ASGI apps: {', '.join(f'ORCHESTRATOR_APP={module}:{name}' for name in apps[:_APPS_TOLD])}."


def is_asgi_app(value: object) -> bool:
    """Return whether a value can be called with scope, receive and send, judged by its signature."""
    if inspect.isclass(value) or inspect.ismodule(value):
        return False
    called = value if inspect.isfunction(value) else getattr(type(value), "__call__", None)  # noqa: B004  # not whether
    if not inspect.iscoroutinefunction(called):
        return False
    names = list(inspect.signature(called).parameters)
    return [name.strip("_") for name in names[-3:]] == ["scope", "receive", "send"]


def _named(settings: Settings) -> str:
    given = "app" in settings.fields_set
    return f"{'ORCHESTRATOR_APP names' if given else 'ORCHESTRATOR_APP is not set; its default is'} {settings.app}"
