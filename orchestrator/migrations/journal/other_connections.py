"""Detects what a revision does besides its connection: on another connection, in a thread, in another process.

None of that is journalled, so such a revision is not resumed. SQLAlchemy reports connections of its pools, Python's
audit events most others: https://docs.python.org/3/library/audit_events.html. Drivers that open their sockets in C are
caught where they connect.
"""

import contextlib
import functools
import sys
import threading
import weakref
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
# Events that Python's audit hooks do not report: the start of a thread (before 3.13), of a process by
# `multiprocessing`, and connections opened by C code or uvloop.
_SILENT = {
    ("threading", "Thread.start"): "a thread was started",
    ("_posixsubprocess", "fork_exec"): _PROCESS,
    **{driver.opens: _CONNECTION for driver in DRIVERS.values() if driver.opens[0]},
}
_DRIVERS = {driver.opens[0].partition(".")[0] for driver in DRIVERS.values() if driver.opens[0]}
_notices: list[Callable[[str], None]] = []
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()  # of revisions: they migrate, or were started by one
_installed: list[bool] = []


@contextlib.contextmanager
def pools_watched() -> Iterator[None]:
    """Inside this block, `watching` sees connections of SQLAlchemy's pools. To begin and end it takes 0.2 ms."""

    def checkout(*_: Any) -> None:
        _report(_CONNECTION)

    event.listen(Pool, "checkout", checkout)
    try:
        yield
    finally:
        event.remove(Pool, "checkout", checkout)


@contextlib.contextmanager
def watching(notice: Callable[[str], None]) -> Iterator[None]:
    """Call `notice`, in this context, before this thread or one that a revision started does something elsewhere.

    Use it inside `pools_watched`.
    """
    if not _installed:
        sys.addaudithook(_audit)  # it cannot be removed
        _installed.append(True)

    _threads.add(threading.current_thread())
    _notices.append(notice)
    try:
        with contextlib.ExitStack() as replaced:
            for (module, name), what in _SILENT.items():
                *outer, last = name.split(".")
                holder: Any = sys.modules.get(module)
                for each in outer:
                    holder = getattr(holder, each, None)
                replaced.enter_context(_reporting(holder, last, what))
            yield
    finally:
        _notices.remove(notice)


@contextlib.contextmanager
def _reporting(holder: Any, name: str, what: str) -> Iterator[None]:
    """Make a function report before it runs."""
    original = None if holder is None else getattr(holder, name, None)
    if original is None:
        yield  # the driver is not imported, or of another version
        return

    @functools.wraps(original)
    def reporting(*args: Any, **options: Any) -> Any:
        if _report(what) and holder is threading.Thread:
            _threads.add(args[0])
        return original(*args, **options)

    setattr(holder, name, reporting)
    try:
        yield
    finally:
        setattr(holder, name, original)


def _report(what: str) -> bool:
    """Report it if a revision's thread does it; return whether it does."""
    watched = bool(_notices) and threading.current_thread() in _threads
    if watched:
        _notices[-1](what)
    return watched


def _audit(name: str, arguments: tuple[Any, ...]) -> None:
    if not _notices:
        return  # the app is served
    if name in _EVENTS:
        _report(_EVENTS[name])
    elif name == "import" and arguments[0] in _DRIVERS:
        _report("another database driver was imported")
