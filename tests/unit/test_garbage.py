"""No garbage collection while a start imports, and the usual ones afterwards."""

import gc
import sys
from collections.abc import Iterator

import pytest

from orchestrator import __main__
from orchestrator.command_line import cli
from orchestrator.runtime import descriptors, exhaustion, stop
from orchestrator.runtime.garbage import collect_as_usual, collect_less, set_aside

USUAL = gc.get_threshold()


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    frozen = gc.get_freeze_count()  # by tests/conftest.py
    gc.unfreeze()
    yield
    gc.set_threshold(*USUAL)
    gc.unfreeze()
    if frozen:
        gc.freeze()


def test_what_a_start_has_imported_is_not_looked_through_when_it_serves() -> None:
    """Collecting all of it at once would delay the first requests by a twentieth of a second."""
    collect_less()
    collected = gc.get_stats()
    kept: list[list[int]] = [[] for _ in range(100 * USUAL[0])]  # the collector tracks each of them
    collect_as_usual()
    assert gc.get_stats() == collected
    assert gc.get_threshold() == USUAL
    assert gc.get_freeze_count() == 0
    assert any(each is kept for each in gc.get_objects(generation=2))


def test_a_start_pauses_the_collector_before_it_does_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The imports of the first lines alone are collected five times."""
    seen: list[int] = []
    monkeypatch.setattr(exhaustion, "keep_reserve", lambda: seen.append(gc.get_threshold()[0]))
    monkeypatch.setattr(descriptors, "occupy_descriptors", lambda: None)
    monkeypatch.setattr(stop.Stop, "install", lambda _: None)
    monkeypatch.setattr(cli, "main", lambda *_: 0)
    monkeypatch.setattr(sys, "argv", ["orchestrator", "serve"])
    with pytest.raises(SystemExit, match=r"^0$"):
        __main__.main()
    assert seen[0] > 100 * USUAL[0]


def test_a_threshold_of_the_app_stays() -> None:
    """Apps set their own at import, and mean it."""
    collect_less()
    gc.set_threshold(1234, 5, 6)
    collect_as_usual()
    assert gc.get_threshold() == (1234, 5, 6)


def test_what_the_app_has_frozen_stays_frozen() -> None:
    """Apps freeze their objects before they fork."""
    collect_less()
    gc.freeze()
    collect_as_usual()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == USUAL


def test_what_a_migration_sets_aside_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """To count it takes ten milliseconds, in which the port does not answer."""
    monkeypatch.delattr(gc, "get_freeze_count")
    collect_less()
    with set_aside():
        collect_as_usual()
        assert gc.get_threshold() == USUAL
    monkeypatch.undo()
    assert gc.get_freeze_count() == 0
