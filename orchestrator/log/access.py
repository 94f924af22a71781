"""Decides which requests become `request` events: by uvicorn's access logger, its level and filters."""

import logging
from collections.abc import Mapping
from typing import Any

from orchestrator.log.route import ROUTE

_ACCESS = logging.getLogger("uvicorn.access")


def is_told(scope: Mapping[str, Any], status: int) -> bool:
    """Return whether this response gets a `request` event.

    Apps raise the level of `uvicorn.access`, or add a filter that drops health checks. A disabled logger means nothing:
    `dictConfig` disables every logger that it does not name.
    """
    if not (ROUTE.requests and ROUTE.enabled(logging.INFO)) or _ACCESS.level > logging.INFO:
        return False
    return not _ACCESS.filters or _passes(scope, status)


def _passes(scope: Mapping[str, Any], status: int) -> bool:
    """Return whether uvicorn's own record of the request passes the filters."""
    host, port = scope.get("client") or ("", 0)
    query = scope.get("query_string", b"").decode("ascii", errors="replace")
    path = scope["path"] + (f"?{query}" if query else "")
    arguments = (f"{host}:{port}", scope["method"], path, scope.get("http_version", "1.1"), status)
    record = _ACCESS.makeRecord(_ACCESS.name, logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None, "send")
    try:
        return bool(_ACCESS.filter(record))
    except Exception:  # noqa: BLE001  # a filter that fails hides nothing
        return True
