"""Keeps the settings of env.py's open transaction, which the commit before taking the lock would lose."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orchestrator.databases import ask, rows

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_SETTINGS = "SELECT name, setting FROM pg_settings UNION ALL SELECT 'role', current_setting('role')"


@contextlib.contextmanager
def local_settings_kept(connection: "Connection") -> Iterator[None]:
    """End the open transaction, if any, and keep what env.py has set for its duration (`SET LOCAL`).

    Alembic would run all revisions in that transaction. We commit each revision, so its settings apply to the session
    until the last one, and then to the transaction that follows.
    """
    if connection.dialect.name != "postgresql" or not connection.in_transaction():
        yield
        return
    real = connection.connection.dbapi_connection
    inside = dict(ask(real, _SETTINGS))
    real.commit()  # type: ignore[union-attr]  # it is connected
    outside = dict(rows(real, _SETTINGS))
    local = {name: value for name, value in inside.items() if outside.get(name, "") != value}
    _set(real, local, for_session=True)
    real.commit()  # type: ignore[union-attr]  # same
    yield
    _set(real, {name: outside.get(name, "") for name in local}, for_session=True)
    _set(real, local, for_session=False)


def _set(real: Any, settings: dict[str, str], *, for_session: bool) -> None:
    local = "false" if for_session else "true"
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    if quoted:
        ask(real, "SELECT " + ", ".join(f"set_config('{name}', '{value}', {local})" for name, value in quoted.items()))
