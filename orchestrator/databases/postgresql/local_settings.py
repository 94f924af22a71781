"""Keeps the settings of an open transaction (`SET LOCAL`), which its commit would lose."""

import contextlib
from collections.abc import Iterator
from typing import Any

from orchestrator.databases import ask, rows

_SETTINGS = "SELECT name, setting FROM pg_settings UNION ALL SELECT 'role', current_setting('role')"


@contextlib.contextmanager
def local_settings_kept(dbapi_connection: Any) -> Iterator[None]:
    """Commit, apply the settings to the session inside this block, and to the open transaction after it."""
    inside = dict(ask(dbapi_connection, _SETTINGS))
    dbapi_connection.commit()
    outside = dict(rows(dbapi_connection, _SETTINGS))
    local = {name: value for name, value in inside.items() if outside.get(name, "") != value}
    _set(dbapi_connection, local, for_session=True)
    dbapi_connection.commit()
    yield
    _set(dbapi_connection, {name: outside.get(name, "") for name in local}, for_session=True)
    _set(dbapi_connection, local, for_session=False)


def _set(dbapi_connection: Any, settings: dict[str, str], *, for_session: bool) -> None:
    local = "false" if for_session else "true"
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    calls = ", ".join(f"set_config('{name}', '{value}', {local})" for name, value in quoted.items())
    if calls:
        ask(dbapi_connection, f"SELECT {calls}")
