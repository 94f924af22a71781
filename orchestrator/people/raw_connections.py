"""Notices an app that connects to its database at import without SQLAlchemy.

A start holds the import at SQLAlchemy's first connection until the migration is done. It cannot hold a driver's own
`connect`, which therefore meets a database that may be down or not migrated yet. Python reports such a call:
https://docs.python.org/3/library/audit_events.html. Drivers that connect in C code (libpq) are not seen.
"""

import contextlib
import functools
import inspect
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from orchestrator.dialects import KINDS, default_port, is_file

Notice = Callable[[str], None]
_watching: dict[int, tuple[URL | None, Notice]] = {}
"""By thread: the database's address, and what to call with the place."""


@contextlib.contextmanager
def raw_connections(url: URL | None, notice: Notice) -> Iterator[None]:
    """Call `notice` with the place before this thread connects to the database inside this block.

    Args:
        url: the database's address; None if it is not known: any server at a usual port of a database.
        notice: gets `file:line`; it may raise.
    """
    _listen()
    _watching[threading.get_ident()] = url, notice
    try:
        yield
    finally:
        del _watching[threading.get_ident()]


@functools.cache
def _listen() -> None:
    """Add the hook once: Python cannot remove it."""
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "sqlite3.connect"} or threading.get_ident() not in _watching:
        return
    url, notice = _watching[threading.get_ident()]
    target = arguments[-1]
    if _is_server(target, url) if event == "socket.connect" else _is_file(target, url):
        notice(_place())


def _is_server(address: Any, url: URL | None) -> bool:
    if not isinstance(address, tuple):
        return False
    ports = {url.port or default_port(url.get_backend_name())} if url else {kind.port for kind in KINDS}
    return address[1] in ports


def _is_file(database: Any, url: URL | None) -> bool:
    if url is None or not is_file(url.drivername) or not url.database:
        return False
    return os.path.abspath(os.fsdecode(database)) == os.path.abspath(url.database)  # noqa: PTH100  # needs no file


def _place() -> str:
    """Return the line of the project that connects."""
    here = str(Path.cwd())
    for frame, line in traceback.walk_stack(inspect.currentframe()):  # without a frame it would leave out the nearest
        file = frame.f_code.co_filename
        if file.startswith(here) and "site-packages" not in file and file != __file__:
            return f"{os.path.relpath(file)}:{line}"
    return "a package"
