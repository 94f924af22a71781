"""The environment of the orchestrator's process, made from settings."""

import os
import socket
from collections.abc import Mapping
from typing import Any

from orchestrator.settings.model import Settings


def environment_of(settings: Settings, database_url: str | None, more: Mapping[str, str]) -> dict[str, str]:
    """Return the calling process's environment, with the settings, the address and `more` on top.

    The port is a free one, unless the settings name one. The log is JSON with at least the level `info`: the events are
    read from it.
    """
    given = {settings.fields[name].name: _text(getattr(settings, name)) for name in settings.fields_set}
    address = {} if database_url is None else {"DATABASE_URL": database_url}
    environ = os.environ | {name: value for name, value in given.items() if value is not None} | address | dict(more)
    if "port" not in settings.fields_set and "PORT" not in more:
        environ["PORT"] = str(_free_port(settings.host))
    if environ.get("ORCHESTRATOR_LOG_LEVEL", "").lower() != "debug":
        environ["ORCHESTRATOR_LOG_LEVEL"] = "info"
    return environ | {"ORCHESTRATOR_LOG_FORMAT": "json"}


def _text(value: Any) -> str | None:
    """Return the text of a variable; None leaves it out."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _free_port(host: str) -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        return int(server.getsockname()[1])
