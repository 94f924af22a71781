"""Removes the SQLAlchemy listeners of env.py after each run of it.

Under plain Alembic the process ends with the run. Here env.py may run a second time, and the app is served afterwards.
A listener for every Engine, such as SQLAlchemy's recipe that emits BEGIN for SQLite, would be called twice, or by the
app's own engines.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.event import api

if TYPE_CHECKING:
    from types import FrameType


@contextlib.contextmanager
def forgotten_after(env_py: str) -> Iterator[None]:
    """Inside this block, note what env.py listens to, then remove it. Listeners of the app's modules stay.

    Args:
        env_py: the path in env.py's code objects.
    """
    modules: tuple[Any, ...] = (event, api)  # `listens_for` calls the `listen` of the module that defines it
    listen, thread, found = event.listen, threading.get_ident(), list[tuple[Any, str, Callable[..., Any]]]()

    def noted(target: Any, identifier: str, fn: Callable[..., Any], *args: Any, **options: Any) -> None:
        listen(target, identifier, fn, *args, **options)
        if threading.get_ident() == thread and _caller() == env_py:
            found.append((target, identifier, fn))

    for module in modules:
        module.listen = noted
    try:
        yield
    finally:
        for module in modules:
            module.listen = listen
        for each in reversed(found):
            with contextlib.suppress(Exception):  # the target no longer exists
                event.remove(*each)


def _caller() -> str:
    """Return the file that called SQLAlchemy or this module."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # inspect.stack() would read every file of the way
    while frame and str(frame.f_globals.get("__name__", "")).startswith("sqlalchemy."):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""
