"""Loads the tree of revisions without a database: Alembic's scripts, and the options that env.py configures."""

import copy
import os
from typing import TYPE_CHECKING, Any

from alembic.runtime.environment import EnvironmentContext
from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestrator.log import env_py_runs
from orchestrator.people.ddl.knowledge import knowledge_of
from orchestrator.people.guard import nothing_changed

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Dialect


class _Configured(BaseException):
    """Env.py has called `context.configure`. A BaseException, so that env.py's `except Exception` does not catch it."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.options = options


class _Connecting(BaseException):
    """Env.py connects although it runs in offline mode."""


def dialect_called(name: str) -> "Dialect":
    """Return SQLAlchemy's dialect of a database, without a driver."""
    from sqlalchemy.dialects import registry

    dialect: Dialect = registry.load(name)(paramstyle="named")
    for attribute, value in knowledge_of(name).AS_CONNECTED[name].items():
        setattr(dialect, attribute, value)
    return dialect


def without_driver(dialect: "Dialect") -> "Dialect":
    """Return a dialect that compiles SQL for reading. Its driver would need each `%` doubled."""
    found = copy.copy(dialect)
    found.paramstyle, found.positional = "named", False
    found.identifier_preparer = found.preparer(found)
    return found


def configured_options(config: "Config", scripts: "ScriptDirectory") -> tuple[dict[str, Any], BaseException | None]:
    """Return env.py's options for `context.configure` in offline mode, such as `target_metadata`, and its exception.

    There are no options if env.py connects instead: it has no offline mode.
    """
    environment = EnvironmentContext(config, scripts, as_sql=True, fn=lambda *_: [])

    def configure(**options: Any) -> None:
        raise _Configured(options)

    environment.configure = configure  # type: ignore[method-assign,assignment]  # of this instance
    event.listen(Engine, "do_connect", _refuse)
    try:
        with environment, env_py_runs(), nothing_changed():
            scripts.run_env()
    except _Configured as found:
        return found.options, None
    except _Connecting:
        return {}, None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever env.py raises
        return {}, error
    finally:
        event.remove(Engine, "do_connect", _refuse)
    return {}, None


def _refuse(*_: Any) -> None:
    raise _Connecting


def relative(path: str) -> str:
    """Return a path relative to the working directory, if it is inside."""
    found = os.path.relpath(path)
    return path if found.startswith("..") else found
