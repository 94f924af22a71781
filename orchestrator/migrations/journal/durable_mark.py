"""A record that survives every rollback: the revision has done work that no rollback undoes.

It is written before that work, on a separate connection. A commit on the migrating connection would make half of the
revision durable and release its savepoints.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.util import greenlet_spawn

from orchestrator.databases import ask
from orchestrator.migrations.journal.store import Journal

_logger = logging.getLogger(__name__)
_works_for: dict[int, int] = {}


def migrating_thread() -> int:
    """Return the thread for which this one works: another one where this one was started to write a mark."""
    this = threading.get_ident()
    return _works_for.get(this, this)


class DurableMark:
    """The mark of a revision.

    Attributes:
        written: it is in the database.
        busy: it is being written, which opens a connection and may start a thread.
    """

    def __init__(self, engine: Engine, journal: Journal, revision: str, impatience: str) -> None:
        self.written = self.busy = False
        self._engine, self._journal, self._revision, self._impatience = engine, journal, revision, impatience

    def write(self, reason: str) -> bool:
        """Write it, once; False when no second connection can: SQLite during a transaction, a limit of connections."""
        self.written = self.written or self._do(lambda journal: journal.mark(self._revision, reason))
        return self.written

    def remove(self) -> None:
        """Take it back: the revision failed and left nothing, so it will be run again from its first statement."""
        if self.written:
            self.written = not self._do(lambda journal: journal.unmark(self._revision))

    def _do(self, work: Callable[[Journal], None]) -> bool:
        self.busy = True
        try:
            if self._engine.dialect.is_async:  # the migrating loop is busy, perhaps with the caller itself
                _in_a_thread(lambda: self._connected(work))
            else:
                self._connected(work)
        except Exception as error:  # noqa: BLE001  # whatever a driver says
            _logger.debug("There is no second connection for the record of what was done elsewhere: %s", error)
            return False
        finally:
            self.busy = False
        return True

    def _connected(self, work: Callable[[Journal], None]) -> None:
        """Run `work` on a connection like env.py's, from a separate pool: the engine's may be full."""
        pool = self._engine.pool.recreate()
        if getattr(pool._creator, "__module__", "") != "sqlalchemy.engine.create":  # noqa: SLF001  # there is no public name
            raise LookupError("a creator of env.py's own may return the migrating connection")
        pooled = pool.connect()
        try:
            connection: Any = pooled.dbapi_connection
            ask(connection, self._impatience)
            work(self._journal.on(connection))
            connection.commit()
        finally:
            with contextlib.suppress(Exception):
                pooled.close()
            pool.dispose()


def _in_a_thread(work: Callable[[], None]) -> None:
    failed: list[BaseException] = []
    caller = threading.get_ident()

    def run() -> None:
        _works_for[threading.get_ident()] = caller
        try:
            asyncio.run(greenlet_spawn(work))
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            failed.append(error)
        finally:
            del _works_for[threading.get_ident()]

    thread = threading.Thread(target=run, name="orchestrator-mark")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
