"""A migration that the database interrupted: the connection was lost, or the server takes no writes any more.

Both are what a failover looks like from inside a statement. No revision is at fault, and another run may continue.
"""

import traceback

from sqlalchemy.exc import DBAPIError

from orchestrator.address.drivers import DRIVERS
from orchestrator.databases import Backend
from orchestrator.databases.diagnosis import (
    BUSY,
    DNS,
    LOST,
    NETWORK,
    READ_ONLY,
    REFUSED,
    STARTING,
    TIMEOUT,
    Diagnosis,
    chain,
)
from orchestrator.errors import Failure, StartupError

_PASSING = {each.error_type for each in (DNS, LOST, NETWORK, READ_ONLY, REFUSED, STARTING, TIMEOUT)}
_DRIVERS = {driver.module.partition(".")[0] for driver in DRIVERS.values()}
_SILENT = "nothing was heard of the database for {:.0f} s, neither on this connection nor on a new one"
_BELOW = ("/sqlalchemy/engine/", "/sqlalchemy/pool/", "/sqlalchemy/dialects/")


class Interrupted(StartupError):  # noqa: N818  # the caller may go on
    """The database interrupted the run; `failure` is the report if the run does not continue.

    Attributes:
        diagnosis: what the database did.
        silent_seconds: how long the database was silent; 0 if the connection was lost in another way.
    """

    def __init__(self, failure: Failure, diagnosis: Diagnosis, silent_seconds: float = 0.0) -> None:
        super().__init__(failure)
        self.diagnosis, self.silent_seconds = diagnosis, silent_seconds


def interruption(
    error: BaseException, backend: Backend, silent_seconds: float = 0.0, *, begun: bool = True
) -> Diagnosis | None:
    """Return what the database did, if it interrupted the run; None for an error of a revision or of env.py.

    A revision may have network errors itself, from an HTTP client: only errors of a database driver count.

    Args:
        error: the error that ended the run.
        backend: the backend of the database.
        silent_seconds: how long the database was silent, if the connection was ended for that; otherwise 0.
        begun: whether env.py has begun to migrate; before that, a server without a free connection counts too.
    """
    cause = error.__cause__ if isinstance(error, StartupError) else error
    if cause is None or not is_of_database(cause):
        return None
    if silent_seconds:
        return TIMEOUT.found("", _SILENT.format(silent_seconds))
    found = backend.diagnose(cause)
    return found if found.error_type in _PASSING or (found.error_type == BUSY.error_type and not begun) else None


def is_of_database(error: BaseException) -> bool:
    """Return whether a database driver raised the error, or its cause."""
    return any(_of_database(each) for each in chain(error))


def _of_database(error: BaseException) -> bool:
    if isinstance(error, DBAPIError) or type(error).__module__.partition(".")[0] in _DRIVERS:
        return True
    if not isinstance(error, OSError | EOFError):
        return False
    frames = traceback.extract_tb(error.__traceback__)  # some drivers raise the system's own errors
    return any(part in frame.filename for frame in frames for part in _BELOW)
