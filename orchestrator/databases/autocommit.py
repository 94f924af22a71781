"""Whether a connection commits each statement by itself. SQLAlchemy's dialects report that only from 2.0.43 on."""

from typing import Any


def autocommits(connection: Any) -> bool:
    """Return the setting of a PEP 249 connection or of SQLAlchemy's adapter, without asking the server."""
    for asked in (connection, getattr(connection, "driver_connection", None)):
        if callable(get_autocommit := getattr(asked, "get_autocommit", None)):  # the drivers of MySQL
            return bool(get_autocommit())
    setting = getattr(connection, "autocommit", None)
    if isinstance(setting, bool):
        return setting
    return getattr(connection, "isolation_level", "") is None  # sqlite3
