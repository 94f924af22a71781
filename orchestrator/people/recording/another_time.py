"""Moves the clock of a script that is recorded a second time: SQL that contains the current time then differs."""

import datetime as dt
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LATER = dt.timedelta(days=400, hours=7, minutes=11, seconds=13)


class _LaterDatetime(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return dt.datetime.now(tz) + _LATER

    @classmethod
    def utcnow(cls) -> Any:
        return dt.datetime.now(dt.UTC).replace(tzinfo=None) + _LATER

    @classmethod
    def today(cls) -> Any:
        return dt.datetime.now() + _LATER  # noqa: DTZ005  # as the original


class _LaterDate(dt.date):
    @classmethod
    def today(cls) -> Any:
        return dt.datetime.now().date() + _LATER  # noqa: DTZ005  # as the original


_LATER_MODULE = types.ModuleType("datetime")
vars(_LATER_MODULE).update({**vars(dt), "datetime": _LaterDatetime, "date": _LaterDate})


def move(module: types.ModuleType) -> None:
    """Replace `datetime`, `datetime.datetime` and `datetime.date` in a loaded script by versions with a later clock."""
    instead = {id(dt): _LATER_MODULE, id(dt.datetime): _LaterDatetime, id(dt.date): _LaterDate}
    for name, value in [*vars(module).items()]:
        if id(value) in instead:
            setattr(module, name, instead[id(value)])


@contextmanager
def later() -> Iterator[None]:
    """Let `time.time()` return a later time inside the block."""
    real = time.time
    time.time = lambda: real() + _LATER.total_seconds()
    try:
        yield
    finally:
        time.time = real
