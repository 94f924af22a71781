"""Detects what a revision does besides its connection: on another connection, in a thread, in another process.

None of that is journalled, so such a revision is not resumed. SQLAlchemy reports connections of its pools, Python's
audit events all others: https://docs.python.org/3/library/audit_events.html.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

_EVENTS = {
    "_thread.start_new_thread": "a thread was started",
    "socket.connect": "another network connection was opened",
    "sqlite3.connect": "another database was opened",
    "subprocess.Popen": "another process was started",
    "os.system": "another process was started",
    "os.posix_spawn": "another process was started",
    "os.exec": "another process was started",
    "os.fork": "another process was started",
}
_watching: dict[int, Callable[[str], None]] = {}  # by thread
_installed: list[bool] = []


@contextlib.contextmanager
def watching(notice: Callable[[str], None]) -> Iterator[None]:
    """Inside this block, call `notice` for each such action of this thread, or of a thread that it started."""
    thread = threading.get_ident()
    if not _installed:
        sys.addaudithook(_audit)  # it cannot be removed
        _installed.append(True)

    others = {each.ident for each in threading.enumerate()} - {thread}  # threads of the orchestrator or of the app

    def checkout(*_: Any) -> None:
        if threading.get_ident() not in others:
            notice("it used a second connection")

    starts = threading.Thread.start

    def start_thread(self: threading.Thread) -> None:
        if threading.get_ident() == thread:
            notice("a thread was started")
        starts(self)

    event.listen(Pool, "checkout", checkout)
    threading.Thread.start = start_thread  # type: ignore[method-assign]  # its audit event is new in 3.13
    _watching[thread] = notice
    try:
        yield
    finally:
        threading.Thread.start = starts  # type: ignore[method-assign]
        del _watching[thread]
        event.remove(Pool, "checkout", checkout)


def _audit(name: str, _arguments: tuple[Any, ...]) -> None:
    if name in _EVENTS and (notice := _watching.get(threading.get_ident())):
        notice(_EVENTS[name])
