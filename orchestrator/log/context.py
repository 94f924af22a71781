"""The common fields of every log line: section 6 of the contract."""

import time
import uuid
from datetime import UTC, datetime
from logging import LogRecord
from typing import Any

import orjson

from orchestrator.began import STARTED
from orchestrator.log.values import plain

SCHEMA = 1
TASK = ("task_id", "cluster", "task_family", "task_revision")
"""Fields of every line in ECS, all of them or none."""

_LEVELS = {50: "critical", 40: "error", 30: "warning", 20: "info"}
_NUMBERS = {
    "critical": 50,
    "error": 40,
    "warning": 30,
    "info": 20,
    "debug": 10,
    # names of levels in other libraries
    "fatal": 50,
    "exception": 40,
    "err": 40,
    "warn": 30,
    "success": 20,
    "notice": 20,
    "trace": 5,
}


class Context:
    """One process, as its log lines describe it."""

    def __init__(self, started: float = STARTED) -> None:
        self.service, self.version, self.environment = "app", "", ""
        self.state = "waiting"
        self.boot_id = _boot_id(time.time_ns())
        self.started = started
        self.task: dict[str, str] = {}  # see TASK
        self.log_format = "auto"
        self.metrics, self.metrics_namespace = "none", "Orchestrator"
        self._own: tuple[object, bytes, bytes] = (None, b"", b"")

    @property
    def program_name(self) -> str:
        """Return our name for database servers, by which our log lines can be found. PostgreSQL keeps 63 bytes."""
        return f"orchestrator boot {self.boot_id}"

    def stamp(self, record: LogRecord) -> None:
        """Store the current state in the record: it may be formatted later, in another state."""
        record.orchestrator_state = self.state
        record.orchestrator_elapsed = self.elapsed_seconds()

    def fields(self, record: LogRecord) -> dict[str, Any]:
        """Return the common fields of `record` in the order of the line, without `event`, `message` and `outcome`."""
        happened = created(record)
        return {
            "timestamp": happened.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": _level(record.levelno),
            "state": getattr(record, "orchestrator_state", self.state),
            "service": self.service,
            "version": self.version,
            "logger": plain(record.name),
            "schema": SCHEMA,
            "boot_id": self.boot_id,
            "elapsed_seconds": round(getattr(record, "orchestrator_elapsed", None) or self.elapsed_seconds(), 3),
            **self.task,
        }

    def own_members(self) -> tuple[bytes, bytes]:
        """Return the common fields of our events as members of a JSON object: before `elapsed_seconds`, and after it.

        They change a few times in a process's life, and are serialised only then.
        """
        values = (self.state, self.service, self.version, self.boot_id, self.task)
        serialised = self._own
        if values != serialised[0]:
            self._own = serialised = (values, *self._serialised())
        return serialised[1], serialised[2]

    def _serialised(self) -> tuple[bytes, bytes]:
        names = {"state": self.state, "service": self.service, "version": self.version, "logger": "orchestrator"}
        common = orjson.dumps({**names, "schema": SCHEMA, "boot_id": self.boot_id})[1:-1]
        return common, b"".join(b"," + orjson.dumps({name: value})[1:-1] for name, value in self.task.items())

    def elapsed_seconds(self) -> float:
        """Return the seconds since the process began, by the monotonic clock."""
        return time.monotonic() - self.started


def _boot_id(now_ns: int) -> str:
    """Return a new id whose order is that of the starts: a UUID of version 7 (RFC 9562), without hyphens."""
    milliseconds = now_ns // 1_000_000 & (1 << 48) - 1
    number = uuid.uuid4().int & (1 << 76) - 1 | milliseconds << 80
    return uuid.UUID(int=number & ~(3 << 62) | 2 << 62 | 7 << 76).hex


def created(record: LogRecord) -> datetime:
    """Return when the record was made; now if its time is impossible."""
    try:
        return datetime.fromtimestamp(record.created, UTC)
    except BaseException:  # noqa: BLE001  # no number, none that a calendar has
        return datetime.now(UTC)


def _level(number: Any) -> str:
    """Return one of the five level names that filters know: libraries add levels and rename these."""
    if type(number) is not int:
        return "info"
    return _LEVELS.get(number) or next((name for least, name in _LEVELS.items() if number >= least), "debug")


def level_number(name: object) -> int | None:
    """Return the number of a level by its name in another library; None for other values."""
    return _NUMBERS.get(str.lower(name)) if type(name) is str else None


CONTEXT = Context()
