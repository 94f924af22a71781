"""No garbage collection while a start imports.

The imports create some 250,000 objects that stay. With Python's own threshold the collector looks through them 250
times, and finds next to nothing: a tenth of the processor time of a start. Reference counting still frees the rest.
"""

import gc

_OBJECTS = 500_000  # an import that makes more of them gets its collection
_USUAL = gc.get_threshold()


def collect_less() -> None:
    """Collect only after many new objects, until `collect_as_usual`."""
    gc.set_threshold(_OBJECTS, *_USUAL[1:])


def collect_as_usual() -> None:
    """Collect as often as before. The app may have frozen its objects or set a threshold: both stay."""
    if gc.get_threshold()[0] != _OBJECTS:
        return
    if not gc.get_freeze_count():
        gc.freeze()  # both calls take no time: what exists becomes the oldest generation, unread
        gc.unfreeze()
    gc.set_threshold(*_USUAL)
