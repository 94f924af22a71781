"""Detects what a revision does besides its connection: on another connection, in a thread, in another process.

None of that is journalled, so such a revision is not resumed. SQLAlchemy reports connections of its pools, Python's
audit events most others: https://docs.python.org/3/library/audit_events.html. Drivers that open their sockets in C are
caught where they connect.
"""

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

from orchestrator.address.drivers import DRIVERS

_CONNECTION, _PROCESS = "it used a second connection", "another process was started"
_EVENTS = {
    "_thread.start_new_thread": "a thread was started",
    "socket.connect": "another network connection was opened",
    "sqlite3.connect": "another database was opened",
    "subprocess.Popen": _PROCESS,
    "os.system": _PROCESS,
    "os.posix_spawn": _PROCESS,
    "os.exec": _PROCESS,
    "os.fork": _PROCESS,
    "os.forkpty": _PROCESS,
}
_OPENS = tuple(dict.fromkeys(driver.opens for driver in DRIVERS.values() if driver.opens[0]))
_DRIVERS = {module.partition(".")[0] for module, _ in _OPENS}
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
            notice(_CONNECTION)

    event.listen(Pool, "checkout", checkout)
    _watching[thread] = notice
    try:
        with contextlib.ExitStack() as replaced:
            # The start of a thread is an audit event from Python 3.13 on only.
            replaced.enter_context(_told(threading.Thread, "start", _EVENTS["_thread.start_new_thread"]))
            for module, name in _OPENS:
                *outer, last = name.split(".")
                holder: Any = sys.modules.get(module)
                for each in outer:
                    holder = getattr(holder, each, None)
                replaced.enter_context(_told(holder, last, _CONNECTION))
            yield
    finally:
        del _watching[thread]
        event.remove(Pool, "checkout", checkout)


@contextlib.contextmanager
def _told(holder: Any, name: str, what: str) -> Iterator[None]:
    """Have a function tell before it runs."""
    original = None if holder is None else getattr(holder, name, None)
    if original is None:
        yield  # the driver is not imported, or of another version
        return

    @functools.wraps(original)
    def telling(*args: Any, **options: Any) -> Any:
        _tell(what)
        return original(*args, **options)

    setattr(holder, name, telling)
    try:
        yield
    finally:
        setattr(holder, name, original)


def _tell(what: str) -> None:
    if notice := _watching.get(threading.get_ident()):
        notice(what)


def _audit(name: str, arguments: tuple[Any, ...]) -> None:
    if name in _EVENTS:
        _tell(_EVENTS[name])
    elif name == "import" and arguments[0] in _DRIVERS:
        _tell("another database driver was imported")
