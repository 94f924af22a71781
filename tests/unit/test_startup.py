"""The steps of a start at its edges: the announcements, the garbage collector, the drain, the end of the port."""

import asyncio
import gc
import inspect
import logging
import re
import sys
import time
import tokenize
from collections.abc import AsyncIterator, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from orchestrator.runtime.garbage import collect_less
from orchestrator.runtime.lifecycle import State
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.runtime.task import Task
from orchestrator.settings.model import Settings
from orchestrator.start.app_loading import AppImport
from orchestrator.start.startup import Startup
from tests.servers.ports import free_port
from tests.unit.told import Told


@pytest.fixture
async def startup() -> AsyncIterator[Startup]:
    """Return a start that waits, and drains for ten minutes."""
    startup = Startup(Task("serve"), Settings(port=free_port(), drain_seconds=600), Stop(), Told())
    startup._asked = startup.stop.watch()  # noqa: SLF001  # as in `run`
    yield startup  # noqa: PT022  # its loop must run


@pytest.fixture
def _collector() -> Iterator[None]:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    yield
    gc.set_threshold(*usual)
    if frozen:
        gc.freeze()


def names(startup: Startup) -> list[str]:
    """Return the events and states that it has reported."""
    assert isinstance(startup.report, Told)
    return startup.report.names


@pytest.mark.usefixtures("_collector")
async def test_a_migration_is_announced_once_and_collects_garbage(startup: Startup) -> None:
    """Each step that changes the database announces it, and revisions may run for hours."""
    usual = gc.get_threshold()
    collect_less()
    for _ in range(2):
        startup._begin_migrating()  # noqa: SLF001
    assert (gc.get_threshold(), names(startup)) == (usual, ["migrating"])


async def test_the_first_request_does_nothing_that_the_start_could_have_done(startup: Startup) -> None:
    """FastAPI reads the source of an endpoint in it, which took 2 ms longer than in the next ones."""
    re.purge()
    if remembered := getattr(tokenize, "_compile", None):
        remembered.cache_clear()
    with patch.dict(sys.modules, {"fastapi": ModuleType("fastapi")}):
        startup._announce_serving()  # noqa: SLF001
    assert names(startup) == ["serving", "server_started"]
    with patch("re._compiler.compile", side_effect=AssertionError("too late")):
        assert inspect.getsourcelines(names)[1]


@pytest.mark.parametrize("when", ["the app was imported", "its lifespan has started"])
async def test_what_the_app_has_disabled_is_logged_again(startup: Startup, when: str) -> None:
    """`dictConfig` disables every logger that it does not name: errors of its pool would not be seen."""
    logger = logging.getLogger("sqlalchemy.pool")
    logger.disabled = True
    if when == "the app was imported":
        imported = asyncio.get_running_loop().create_future()
        imported.set_result(None)
        app = AppImport(startup.settings, startup._answers(), startup.report, startup.stop)  # noqa: SLF001
        vars(app).update(_began=time.monotonic() - 100, _held_seconds=90.0)
        app._report_loaded(imported)  # noqa: SLF001
        assert 10 <= startup.report.events[-1].duration_seconds < 60, "it was held for 90 s"  # type: ignore[attr-defined]
    else:
        startup._announce_serving()  # noqa: SLF001
    assert not logger.disabled


def port(*, cancelled: int) -> Any:
    """Return a port that stops at once."""

    async def stop(_: Stop) -> int:
        return cancelled

    return SimpleNamespace(stop=stop)


async def test_the_second_signal_ends_the_drain(startup: Startup) -> None:
    """Ctrl-C twice means now, also while the load balancer is given its time."""
    startup.lifecycle.state = State.SERVING
    startup.stop.request("SIGTERM")
    draining = asyncio.create_task(startup._drain(port(cancelled=2)))  # noqa: SLF001
    await asyncio.sleep(0.05)  # in which the first one is heard
    assert names(startup) == ["draining"]
    startup.stop.request("SIGTERM")
    await asyncio.wait_for(draining, 10)
    assert names(startup) == ["draining", "server_drained"]
    assert startup.report.events[-1].requests_cancelled == 2  # type: ignore[attr-defined]


async def test_a_start_that_never_served_does_not_drain(startup: Startup) -> None:
    """No load balancer sends it requests, and the platform waits for its end."""
    startup.stop.request("SIGTERM")
    await asyncio.wait_for(startup._drain(port(cancelled=0)), 10)  # noqa: SLF001
    assert names(startup) == ["draining", "server_drained"]


@pytest.mark.parametrize("ends", [StopAsked, ValueError])
async def test_the_end_of_a_start_closes_the_port_and_is_not_swallowed(startup: Startup, ends: type[Exception]) -> None:
    """`run` would start its program after a stop."""
    with pytest.raises(ends):
        async with startup._opened_port():  # noqa: SLF001
            raise ends
    assert names(startup) == (["draining", "server_drained"] if ends is StopAsked else [])
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", startup.settings.port)
