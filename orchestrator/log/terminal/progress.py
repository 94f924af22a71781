"""The text of the line at the bottom of a terminal, from the events."""

from collections.abc import Mapping
from typing import Any

HIDDEN = {
    "state_changed",
    "database_retry_scheduled",
    "dependency_retry_scheduled",
    "lock_waiting",
    "lock_acquired",
    "lock_released",
    "revision_started",
    "revision_progress",
}
"""Events that move the line at the bottom, and become a line of their own only when they bring news."""
_CAUSES = ("error_message", "holder", "blocked_by")
_BAR = 14  # cells
Fields = Mapping[str, Any]


class Progress:
    """The text of the line at the bottom."""

    def __init__(self) -> None:
        self._revision = ""
        self._news = ""
        self._text = ""

    def observe(self, event: Fields) -> str:
        """Return the text after this event; empty: no line."""
        told = _TEXTS.get(event["event"])
        if event["event"] == "revision_started":
            self._revision = f"Revision {event['revision']} ({event['index']} of {event['pending_count']})"
        if told is not None:
            self._text = told(event, self._revision) if callable(told) else told
        return self._text

    def is_news(self, event: Fields) -> bool:
        """Return whether an event that is usually hidden has a cause that the one before did not have."""
        cause = next((str(event[name]) for name in _CAUSES if event.get(name)), "")
        known, self._news = self._news, cause or self._news
        return bool(cause) and cause != known


def _of_statement(event: Fields, revision: str) -> str:
    parts = [revision or f"Revision {event['revision']}", f"statement {event['statement_index']}"]
    if event.get("progress_percent") is not None:
        full = round(event["progress_percent"] / 100 * _BAR)
        parts.append(f"{'█' * full}{'░' * (_BAR - full)} {event['progress_percent']:.0f} %")
    if event.get("blocked_by"):
        parts.append(f"waits for {event['blocked_by']}")
    return " · ".join(parts)


def _of_lock(event: Fields, _: str) -> str:
    holder = f", held by {event['holder']}" if event["holder"] else ""
    return f"Waiting for the migration lock{holder}" + (", which makes progress" if event["holder_progressing"] else "")


_TEXTS: dict[str, Any] = {
    "process_started": "Connecting to the database",
    "database_retry_scheduled": "Waiting for the database",
    "dependency_retry_scheduled": lambda event, _: f"Waiting for {event['dependency']}",
    "database_ready": "Importing the app",
    "migrations_planned": "Taking the migration lock",
    "lock_waiting": _of_lock,
    "revision_started": lambda event, revision: f"{revision}: {event['description']}".removesuffix(": "),
    "revision_progress": _of_statement,
    "revision_retry_scheduled": lambda event, revision: f"{revision} · retrying statement {event['statement_index']}",
    "migrations_completed": "Starting the app",
    "migrations_current": "Starting the app",
    "stop_requested": "Finishing the open requests",
    "server_started": "",
    "server_drained": "Stopping",
    "process_stopped": "",
    "startup_failed": "",
    "command_started": "",
}
