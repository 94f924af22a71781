"""How long a session with the migration lock may run no statement, and what a waiting replica does about a longer rest.

A revision may compute for any time between two statements, and the server cannot tell that from a host that vanished.
So its process shows life meanwhile (`LifeSigns`). A waiting replica ends the session only if it rests for longer than
the limit, its process has promised to show life, and has shown none in several looks.
"""

import logging

from orchestrator.databases import Holder, MigrationLock
from orchestrator.databases.diagnosis import innermost_message
from orchestrator.settings.model import Settings

REST, SHORTEST_REST_SECONDS = 0.9, 60.0
SILENT_SECONDS, LOOKS = 45.0, 4  # without a sign of life; longer than a lost second connection takes to return

_logger = logging.getLogger(__name__)


def rest_seconds(settings: Settings) -> float:
    """Return how long the session with the lock may run no statement if its process shows no life.

    A replica that waits gives up after ORCHESTRATOR_LOCK_TIMEOUT_SECONDS without progress: the session of a host that
    vanished must have ended before. A shorter rest than a minute would end sessions that only compute.
    """
    return max(SHORTEST_REST_SECONDS, REST * settings.lock_timeout_seconds)


def can_be_judged(settings: Settings) -> bool:
    """Return whether replicas wait long enough to judge a holder; otherwise the server must end its session."""
    return settings.lock_timeout_seconds * REST >= SHORTEST_REST_SECONDS


class HolderSilence:
    """Ends the holder's session when its process is certainly gone, or has stopped."""

    def __init__(self, lock: MigrationLock, limit_seconds: float) -> None:
        self._lock, self._limit_seconds = lock, limit_seconds
        self._connection_id = self._looks = 0
        self._since = 0.0
        self._refused = ""

    def look(self, holder: Holder, now: float) -> None:
        """Note whether the holder shows life, and end its session after long enough without."""
        if holder.shows_life is not False:
            self._connection_id = self._looks = 0
            return
        if holder.connection_id != self._connection_id:
            self._connection_id, self._looks, self._since = holder.connection_id, 0, now
        self._looks += 1
        silent = now - self._since
        if silent >= SILENT_SECONDS and self._looks >= LOOKS and holder.seconds >= self._limit_seconds:
            self._end(holder, silent)

    def hint(self, holder: Holder) -> str:
        """Return what a person can do about the holder; empty if nothing is known about it."""
        statement = self._lock.end_sql(holder)
        if not statement:
            return ""
        if self._refused:
            return (
                f"The holder's process has stopped or its host is gone, but this user may not end its session "
                f"({self._refused}): run {statement} as an administrator, and start again."
            )
        if holder.shows_life:
            return (
                "The holder's process lives: it computes, or waits for something else than the database. Look at its "
                f"log. If it hangs, stop it or run {statement}. If it works, raise ORCHESTRATOR_LOCK_TIMEOUT_SECONDS, "
                "the time that a holder may go without progress."
            )
        return (
            f"Look at the holder. If it hangs or its host is gone, run {statement}, and start again. If it works, "
            "raise ORCHESTRATOR_LOCK_TIMEOUT_SECONDS, the time that a holder may go without progress."
        )

    def _end(self, holder: Holder, silent_seconds: float) -> None:
        try:
            ended = self._lock.end(holder)
        except Exception as error:  # noqa: BLE001  # the wait goes on, and its hint says so
            self._refused = innermost_message(error)
            return
        if ended:
            _logger.warning(
                "Ended the session that held the migration lock, %s: it ran no statement for %.0f s, and its process "
                "has shown no life for %.0f s, so its host is gone or the process is stopped.",
                holder.name,
                holder.seconds,
                silent_seconds,
            )
