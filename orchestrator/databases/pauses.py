"""The pauses between attempts at the database, and which of the failed attempts are written to the log."""

from orchestrator.backoff import Backoff
from orchestrator.databases.diagnosis import CREDENTIALS, Diagnosis, Verdict

SOON_SECONDS = 0.25  # between attempts that cost the server nothing
FIRST_SECONDS, LONGEST_SECONDS = 0.5, 10.0  # pauses for a server that is busy or booting
ROTATION_SECONDS = 5.0  # after a refused login that may change soon: few attempts, so that no account is locked
ALL_SECONDS = 2.0  # each failed attempt is written at first: a database that comes up soon is a short story
SILENT_SECONDS = 30.0  # the longest time without a line, so that a person sees that it still waits


class Pauses:
    """Short pauses against a refused port; exponential ones with jitter if each attempt costs the server work."""

    def __init__(self) -> None:
        self._backoff = Backoff(FIRST_SECONDS, LONGEST_SECONDS)

    def after(self, diagnosis: Diagnosis) -> float:
        """Return how many seconds to wait after this failure."""
        if diagnosis.verdict is Verdict.RETRY_SOON:
            self._backoff.reset()
            return SOON_SECONDS
        if diagnosis.error_type == CREDENTIALS.error_type:
            return ROTATION_SECONDS
        return self._backoff.next()


class Lines:
    """Which failed attempts are written: four a second for minutes would hide what happened before."""

    def __init__(self) -> None:
        self._cause: tuple[str, int | str] | None = None
        self._silent_until = 0.0

    def has(self, diagnosis: Diagnosis, waited_seconds: float) -> bool:
        """Return whether this attempt is written: all with a new cause, and fewer and fewer with the same cause."""
        cause = diagnosis.error_type, diagnosis.error_code
        if cause == self._cause and waited_seconds < self._silent_until:
            return False
        self._cause = cause
        quick = diagnosis.verdict is Verdict.RETRY_SOON and waited_seconds >= ALL_SECONDS
        self._silent_until = waited_seconds + min(SILENT_SECONDS, waited_seconds / 2) if quick else 0.0
        return True
