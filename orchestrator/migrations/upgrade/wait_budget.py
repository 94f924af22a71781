"""How long to wait for the lock: a holder that provably makes progress may take as long as it needs."""

from orchestrator.databases import Activity, Holder

_RESOLUTION_SECONDS = 1.0
"""MySQL counts whole seconds, so that "idle for 1 s" may have begun just after the look before."""


class WaitBudget:
    """Counts the time in which the holder made no provable progress.

    Attributes:
        progressing: whether it made progress since the previous look.
    """

    def __init__(self, *, stuck_seconds: float, total_seconds: float | None, now: float) -> None:
        self._stuck_seconds, self._total_seconds = stuck_seconds, total_seconds
        self._began = self._looked = self._progressed = now
        self._holder, self._record = Holder(), ""
        self.progressing = True

    @property
    def pause_seconds(self) -> float:
        """Return how long to wait between two looks, so that the server is not burdened."""
        return min(5.0, max(0.2, self._stuck_seconds / 20))

    def look(self, holder: Holder, record: str, now: float) -> None:
        """Compare what the holder does, and what the journal contains, with the previous look."""
        self.progressing = self._gets_on(holder, record, now - self._looked)
        if self.progressing:
            self._progressed = now
        self._holder, self._record, self._looked = holder, record, now

    def spent(self, now: float) -> str:
        """Return why the wait should end; empty while it may continue."""
        stuck = now - self._progressed
        if stuck >= self._stuck_seconds:
            return f"made no progress for {stuck:.1f} s: {self._why()}"
        if self._total_seconds is not None and now - self._began >= self._total_seconds:
            return "still makes progress, but ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS is over"
        return ""

    def _gets_on(self, holder: Holder, record: str, seconds: float) -> bool:
        if holder.activity is Activity.GONE:
            return False
        if holder.name != self._holder.name or record != self._record:
            return True
        if holder.activity is Activity.IDLE:
            return holder.seconds < seconds + _RESOLUTION_SECONDS
        return holder.activity is Activity.RUNNING

    def _why(self) -> str:
        return {
            Activity.RUNNING: "its statement has just begun",
            Activity.IDLE: f"its connection has run no statement for {self._holder.seconds:.0f} s",
            Activity.GONE: "its client is gone, and the server still works for it",
            Activity.UNKNOWN: "the database does not show what it does, and its journal does not change",
        }[self._holder.activity]
