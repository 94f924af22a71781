"""Warns of an app whose own routes are hidden behind the probes."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from orchestrator.settings.model import Settings

_DEEPEST = 20  # ASGI middlewares around the app
_logger = logging.getLogger(__name__)


def warn_of_hidden_routes(app: Any, settings: Settings) -> None:
    """Write a warning for each route of the app that a probe answers, unless the probe's path was chosen.

    The app may be wrapped in ASGI middlewares; it has `routes` if it is made with FastAPI, Starlette or Litestar.
    """
    with contextlib.suppress(Exception):  # somebody else's attributes
        paths = set(_paths(app))
        for field in ("live_path", "ready_path", "startup_path"):
            if (path := getattr(settings, field)) in paths and field not in settings.fields_set:
                _logger.warning(_HIDDEN, path, settings.fields[field].name)


_HIDDEN = (
    "The app has a route %s, but that path is a probe of orchestrator, which answers it. Set %s to another path, or to"
    " nothing: then the app answers, from the moment it serves."
)


def _paths(app: Any) -> Iterator[str]:
    for _ in range(_DEEPEST):
        if routes := getattr(app, "routes", None):
            yield from (path for route in routes if isinstance(path := getattr(route, "path", None), str))
            return
        app = getattr(app, "app", None)
