"""No garbage collection while a start imports.

The imports create some 250,000 objects that stay. With Python's own threshold the collector looks through them 250
times, and finds next to nothing: a tenth of the processor time of a start. Reference counting still frees the rest.
"""

import contextlib
import gc
from collections.abc import Iterator

_OBJECTS = 500_000  # an import that makes more of them gets its collection
_USUAL = gc.get_threshold()
_set_aside: list[bool] = []


def collect_less() -> None:
    """Collect only after many new objects, until `collect_as_usual`."""
    gc.set_threshold(_OBJECTS, *_USUAL[1:])


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Inside this block, no collection goes through what exists now: that takes longer than many a revision."""
    gc.freeze()
    _set_aside.append(True)
    try:
        yield
    finally:
        _set_aside.pop()
        gc.unfreeze()


def collect_as_usual() -> None:
    """Collect as often as before. The app may have frozen its objects or set a threshold: both stay."""
    if gc.get_threshold()[0] != _OBJECTS:
        return
    if not _set_aside and not gc.get_freeze_count():  # to count what is frozen takes 10 ms
        gc.freeze()  # both calls take no time: what exists becomes the oldest generation, unread
        gc.unfreeze()
    gc.set_threshold(*_USUAL)
