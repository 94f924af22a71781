"""Decides which requests become `request` events (by uvicorn's access logger), and writes them without an event.

Each request has its line. To make the event, and to take it apart again, is most of the cost of a line.
"""

import logging
from collections.abc import Mapping
from typing import Any

from orchestrator.events import Request
from orchestrator.log import direct
from orchestrator.log.redaction import REDACTOR
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


def write(fields: Mapping[str, Any]) -> bool:
    """Write the line of a `request` event with these fields; return False if only the event itself can be written."""
    output = ROUTE.output
    if output is None:
        return False
    path = REDACTOR.text(fields["path"])
    message = f"{fields['method']} {path} {fields['status']}"  # its sentence, at a fifth of the price
    try:
        return direct.write(
            output, Request, message, {**fields, "path": path, "client": REDACTOR.text(fields["client"])}
        )
    except Exception:  # noqa: BLE001  # the log of the event says what is wrong
        return False


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
