"""An app with routes of its own where the probes answer gets a warning: nobody misses an answer without a word."""

import logging
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from orchestrator.serving.probed import warn_of_hidden_routes
from orchestrator.settings.validation import load_settings


class Odd:
    """An app whose attributes fail."""

    @property
    def routes(self) -> object:
        """Fail."""
        raise RuntimeError


def warnings(caplog: pytest.LogCaptureFixture, app: Any, **environ: str) -> list[str]:
    """Return what is written about that app."""
    logger = logging.getLogger("orchestrator.serving.probed")
    logger.propagate = False
    logger.addHandler(caplog.handler)
    try:
        warn_of_hidden_routes(app, load_settings(environ))
    finally:
        logger.removeHandler(caplog.handler)
        logger.propagate = True
    return [record.getMessage() for record in caplog.records]


def app(*paths: str) -> FastAPI:
    """Return an app with these routes."""
    made = FastAPI()
    for path in paths:
        made.add_api_route(path, lambda: None)
    return made


def test_a_hidden_route_is_named_with_the_setting_that_frees_it(caplog: pytest.LogCaptureFixture) -> None:
    """Its answer may say more than ours: whether the app's cache answers, for example."""
    (written,) = warnings(caplog, GZipMiddleware(app("/readyz", "/plants")))
    assert "/readyz" in written
    assert "ORCHESTRATOR_READY_PATH" in written


@pytest.mark.parametrize("chosen", ["/readyz", "", "/ready"])
def test_a_path_that_was_chosen_is_no_surprise(caplog: pytest.LogCaptureFixture, chosen: str) -> None:
    """Somebody has decided who answers."""
    assert not warnings(caplog, app("/readyz"), ORCHESTRATOR_READY_PATH=chosen)


@pytest.mark.parametrize("other", [app("/plants"), object(), Odd(), FastAPI(routes=[Mount("/api", app("/livez"))])])
def test_any_other_app_is_left_alone(caplog: pytest.LogCaptureFixture, other: Any) -> None:
    """A route below a mount has another path."""
    assert not warnings(caplog, other)
