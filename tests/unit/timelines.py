"""Log lines for the tests of the timeline: starts whose every moment is known."""

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.timeline.phases import Story
from orchestrator.timeline.picture import Picture, picture
from orchestrator.timeline.reading import Reading
from orchestrator.timeline.starts import Starts
from orchestrator.timeline.story import story

Event = dict[str, Any]
BEGAN = datetime(2026, 11, 22, 14, 3, 7, tzinfo=UTC)


def event(name: str, at: float, *, boot: str = "b" * 32, began: float = 0.0, **fields: Any) -> Event:
    """An event `at` seconds after its process began, which was `began` seconds after BEGAN."""
    moment = BEGAN + timedelta(seconds=began + at)
    common = {"service": "plants", "version": "1.4.2", "logger": "orchestrator", "schema": 1, "message": "A sentence."}
    return {
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": name,
        **common,
        "boot_id": boot,
        "elapsed_seconds": at,
        **fields,
    }


def state(name: str, at: float, **fields: Any) -> Event:
    """The event of a new state."""
    return event("state_changed", at, state=name, **fields)


def revision(name: str, began: float, ended: float, **fields: Any) -> list[Event]:
    """A revision that is applied."""
    about = {"revision": name, "description": f"do {name}", "index": 1, "pending_count": 1, **fields}
    return [
        event("revision_started", began, **about),
        event("revision_applied", ended, **about, statements=3, duration_seconds=ended - began),
    ]


def migrating(**fields: Any) -> list[Event]:
    """A start that waits for the lock from 2 to 5, applies a revision from 6 to 8, serves from 10, ends at 22."""
    holder: Event = {"holder": f"process 7 (orchestrator boot {'a' * 32})", "holder_statement": "SELECT 1"}
    told = [
        event("process_started", 0.5, command="serve"),
        event("database_ready", 1, attempts=1, dialect="postgresql", server_version="15.18"),
        event("app_loaded", 1.5, app="app.main:app", duration_seconds=0.75),
        state("migrating", 1.5),
        event("lock_waiting", 2.25, waited_seconds=0.25, **holder),
        event("lock_waiting", 4.5, waited_seconds=2.5, holder="", holder_statement=""),
        event("lock_acquired", 5, waited_seconds=3),
        *revision("r1", 6, 8),
        event("lock_released", 8.5, held_seconds=3.5),
        event("migrations_completed", 9, applied_count=1),
        state("serving", 10),
        event("server_started", 10, startup_seconds=10),
        event("stop_requested", 20, signal="SIGTERM"),
        state("draining", 20),
        state("stopped", 22),
        event("process_stopped", 22, exit_code=0),
    ]
    return [{**each, **fields} for each in told]


def failing(**fields: Any) -> list[Event]:
    """A start that cannot reach its database, and gives up after 3 seconds."""
    told = [
        event("process_started", 0.5, command="serve"),
        event("database_retry_scheduled", 1, attempt=1, error_type="refused", error_message="Connection refused"),
        event("database_retry_scheduled", 2, attempt=2, error_type="refused", error_message="No route"),
        event("database_unreachable", 3, error_message="No route", hint="Look at the network."),
        state("failed", 3),
        event("startup_failed", 3, exit_code=4, error_message="Not ready in 2.5 s: No route", hint="Look at it."),
    ]
    return [{**each, **fields} for each in told]


def many(amount: int) -> list[Event]:
    """So many starts, a quarter of a second after each other; every third fails."""
    found: list[Event] = []
    for index in range(amount):
        told = failing() if index % 3 == 2 else migrating()
        for each in told:
            moment = datetime.fromisoformat(each["timestamp"]) + timedelta(seconds=index / 4)
            who = {"boot_id": f"{index * 7919:032x}", "task_id": f"{index * 104_729:032x}"[::-1]}
            found.append({**each, **who, "timestamp": moment.isoformat()})
    return found


def log(events: Iterable[Any]) -> bytes:
    """The events as they are logged: one JSON object a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def known(content: bytes) -> Starts:
    """Return the facts of the starts in a log."""
    starts = Starts()
    for line in Reading(io.BytesIO(content)):
        starts.add(line)
    return starts


def told(content: bytes) -> list[Story]:
    """The stories in a log."""
    return [story(start) for start in known(content).by_boot_id.values()]


def drawn(content: bytes) -> Picture:
    """The picture of a log."""
    return picture(told(content))
