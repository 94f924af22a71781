"""The hint for an app that does not start names what to set or to install."""

import logging.config
import sys
from pathlib import Path

import pytest
from uvicorn.importer import ImportFromStringError, import_from_string

from orchestrator.app.importing import app_failed, hint_for
from orchestrator.settings.model import Settings

_MODULE = """
from fastapi import FastAPI

async def plain(scope, receive, send): pass
async def other(request): pass
def factory(): pass
class Wrapped:
    async def __call__(self, scope, receive, send): pass
api, wrapped, router = FastAPI(), Wrapped(), object()
"""


def _hint(app: str) -> str:
    with pytest.raises((ImportFromStringError, ModuleNotFoundError)) as caught:
        import_from_string(app)
    return hint_for(Settings(app=app), caught.value)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("has_apps", "has_none", "needs_a_driver"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_missing_attribute_is_answered_with_the_apps_that_there_are(tmp_path: Path) -> None:
    """Objects, instances of any class and functions: what can be called with scope, receive and send."""
    (tmp_path / "has_apps.py").write_text(_MODULE)
    hint = _hint("has_apps:app")
    assert "has no `app`" in hint
    assert hint.endswith(
        "ORCHESTRATOR_APP=has_apps:api, ORCHESTRATOR_APP=has_apps:plain, ORCHESTRATOR_APP=has_apps:wrapped."
    )


def test_a_module_without_an_app_is_said_to_have_none(tmp_path: Path) -> None:
    """Then it is probably another module, or a factory."""
    (tmp_path / "has_none.py").write_text("def create_app(): pass\n")
    assert "It has no ASGI app." in _hint("has_none:app")


def test_a_driver_that_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    """SQLAlchemy imports it in `create_engine`, often while the app is imported; package and module differ."""
    (tmp_path / "needs_a_driver.py").write_text("import psycopg2cffi\n")
    assert _hint("needs_a_driver:app") == "The driver psycopg2cffi is not installed: pip install psycopg2cffi."


def test_the_cause_of_an_error_is_named_where_its_message_leaves_it_out() -> None:
    """`Unable to configure handler 'file'` does not say that the directory of the log is missing."""
    configuration = {"version": 1, "handlers": {"file": {"class": "logging.FileHandler", "filename": "no/such.log"}}}
    with pytest.raises(ValueError, match="configure handler") as caught:
        logging.config.dictConfig(configuration)
    message = app_failed("app.main:app", "it cannot be imported", caught.value).error_message
    assert message.startswith(
        "it cannot be imported: ValueError: Unable to configure handler 'file' (FileNotFoundError: "
    )
    assert "such.log" in message


def test_a_cause_that_the_message_has_already_is_not_repeated() -> None:
    """SQLAlchemy's errors contain those of the driver."""
    error = RuntimeError("no answer: refused")
    error.__cause__ = OSError("refused")
    message = app_failed("app.main:app", "its lifespan failed", error).error_message
    assert message == "its lifespan failed: RuntimeError: no answer: refused"
