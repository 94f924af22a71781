"""Whether the work is in the database, now that env.py has ended; and what env.py has kept to itself, if it is not."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError

from orchestrator.address import AddressError, of_call
from orchestrator.databases import Backend, backend_for
from orchestrator.databases.diagnosis import CREDENTIALS, Verdict
from orchestrator.errors import StartupError
from orchestrator.events import DatabaseRetryScheduled, Emit
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.upgrade.context_run import ContextRun
from orchestrator.runtime.stop import Stop
from orchestrator.settings.model import Settings

AGAIN_SECONDS = 1.0  # between two looks at the outcome, while the database restarts or a password is rotated


class DatabaseErrors:
    """The errors that env.py meets in the database. Create it in the thread whose errors are not env.py's.

    Attributes:
        last: the last one, even if env.py has caught it.
    """

    def __init__(self, backend: Backend) -> None:
        self.last: BaseException | None = None
        self._attempt: tuple[Dialect, list[Any], dict[str, Any]] | None = None
        self._backend = backend
        self._ours = threading.get_ident()

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note them meanwhile."""

        def note(context: ExceptionContext) -> None:
            error = context.sqlalchemy_exception or context.original_exception
            # Alembic and SQLAlchemy ask for tables that may not be there.
            if threading.get_ident() != self._ours and not self._backend.is_missing_table(error):
                self.last = error

        def attempt(dialect: Dialect, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> None:
            if threading.get_ident() != self._ours:
                self._attempt = dialect, list(arguments), dict(parameters)

        def made(*_: Any) -> None:
            if threading.get_ident() != self._ours:
                self._attempt = None

        self.last = self._attempt = None
        event.listen(Engine, "handle_error", note)
        event.listen(Engine, "do_connect", attempt)
        event.listen(Engine, "connect", made)
        try:
            yield
        finally:
            event.remove(Engine, "handle_error", note)
            event.remove(Engine, "do_connect", attempt)
            event.remove(Engine, "connect", made)

    @property
    def wrong_option(self) -> str:
        """Return what is wrong with the options of env.py's last connection, if it could not be made; else empty.

        Drivers name neither the option nor its value: PyMySQL says `'NoneType' object has no attribute 'encoding'`.
        """
        try:
            if self._attempt:
                of_call(*self._attempt)
        except AddressError as error:
            return str(error) if error.option else ""
        return ""


def confirm(  # noqa: PLR0913  # it waits like the rest of a start
    context: ContextRun,
    swallowed: BaseException | None,
    credentials: Credentials,
    settings: Settings,
    *,
    stop: Stop,
    emit: Emit,
) -> None:
    """Look at the outcome on a new connection; what may pass is tried again, as everything is committed by now.

    Raises:
        StartupError: something is missing; caused by `swallowed`, the last error that env.py met.
        DBAPIError: the database refuses the connection, or did not answer for ORCHESTRATOR_WAIT_TIMEOUT_SECONDS.
    """
    began = time.monotonic()
    for attempt in itertools.count(1):
        try:
            if missing := context.confirm(swallowed):
                raise StartupError(missing) from swallowed
        except (DBAPIError, OSError) as error:
            backend = backend_for(context.url.get_backend_name())  # a file of `credentials` may be half written
            found = backend.diagnose(error)
            rotated = found.error_type == CREDENTIALS.error_type and credentials.rotates
            waited = round(time.monotonic() - began, 3)
            if (found.verdict is Verdict.REFUSE and not rotated) or waited > settings.wait_timeout_seconds:
                raise
            told = {name: value for name, value in found.fields().items() if name != "hint"}
            emit(DatabaseRetryScheduled(attempt=attempt, retry_in_seconds=AGAIN_SECONDS, waited_seconds=waited, **told))
            if stop.requested.wait(AGAIN_SECONDS):
                raise
        else:
            return
