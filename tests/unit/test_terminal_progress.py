"""The output for a person while a start goes on: its steps, retries, and the line that moves."""

import contextlib
import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from orchestrator.log.output import Output
from orchestrator.log.terminal.bottom import ERASE, Bottom
from orchestrator.log.terminal.progress import Progress
from orchestrator.log.terminal.screen import Screen


def test_the_progress_of_a_start_is_shown_step_by_step() -> None:
    """From the events alone."""
    progress = Progress()
    started = {"event": "revision_started", "revision": "r2", "index": 2, "pending_count": 3, "description": ""}
    statement = {"event": "revision_progress", "revision": "r2", "statement_index": 4, "progress_percent": None}
    told = [
        progress.observe(event)
        for event in (
            {"event": "process_started"},
            {"event": "log"},
            {"event": "lock_waiting", "holder": "app@db", "holder_progressing": True},
            started,
            statement,
            statement | {"progress_percent": 50.0, "blocked_by": "app@10.0.0.1"},
            {"event": "migrations_completed"},
            {"event": "server_started"},
        )
    ]
    assert told == [
        "Connecting to the database",
        "Connecting to the database",
        "Waiting for the migration lock, held by app@db, which makes progress",
        "Revision r2 (2 of 3)",
        "Revision r2 (2 of 3) · statement 4",
        "Revision r2 (2 of 3) · statement 4 · ███████░░░░░░░ 50 % · waits for app@10.0.0.1",
        "Starting the app",
        "",
    ]


def test_a_retry_is_a_line_only_when_its_cause_is_new() -> None:
    """Four attempts a second are no news."""
    screen = Screen(0, colours=False)
    causes = ["refused", "refused", "access denied", "access denied", "refused"]
    events = [{"event": "database_retry_scheduled", "error_message": cause} for cause in causes]
    assert [screen.shows(SimpleNamespace(orchestrator_event=event)) for event in events] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert screen.shows(SimpleNamespace())
    assert not screen.shows(SimpleNamespace(orchestrator_event={"event": "state_changed"}))


@pytest.fixture
def drawn() -> Iterator[tuple[Bottom, int]]:
    """Return a line that is drawn into a pipe, and the pipe's other end."""
    reading, writing = os.pipe()
    bottom = Bottom(lambda: 30)
    bottom.output = Output(writing)
    yield bottom, reading
    bottom.show("")
    os.close(reading)
    os.close(writing)


def test_the_line_moves_in_the_width_of_the_window_and_ends(drawn: tuple[Bottom, int]) -> None:
    """Each frame erases the one before; after the end nothing is drawn."""
    bottom, reading = drawn
    bottom.show("Revision r2 (2 of 3): a long description")
    frames = b""
    while frames.count(ERASE.encode()) < 3:
        frames += os.read(reading, 4096)
    bottom.show("")
    os.set_blocking(reading, False)
    with contextlib.suppress(BlockingIOError):
        frames += os.read(reading, 4096)
    for frame in frames.decode().split(ERASE)[1:]:
        assert len(frame) == 29
        assert frame[1:].startswith(" Revision r2")
