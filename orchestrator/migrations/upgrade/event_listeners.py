"""SQLAlchemy listeners of env.py last as long as one run of it.

Under plain Alembic the process ends with the run. Here env.py may be run a second time, and the app is served after it:
a listener for every Engine, such as SQLAlchemy's recipe that emits BEGIN for SQLite, would be called twice, or by the
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
    """While this lasts, note what env.py listens to; then stop it. What the app's modules listen to stays.

    Args:
        env_py: its path, as its code has it.
    """
    modules: tuple[Any, ...] = (event, api)  # `listens_for` calls the `listen` of its own module
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
            with contextlib.suppress(Exception):  # it is gone already
                event.remove(*each)


def _caller() -> str:
    """The file from which SQLAlchemy, or this module, was called."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # inspect.stack() would read every file of the way
    while frame and str(frame.f_globals.get("__name__", "")).startswith("sqlalchemy."):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""
