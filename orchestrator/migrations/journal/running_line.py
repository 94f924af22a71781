"""The line of a revision's `upgrade` that runs, as a report names it."""

import functools
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_LIBRARIES = {"orchestrator", "alembic", "sqlalchemy", "contextlib"}


class RunningLine:
    """The running line of one script.

    A walk over 25 frames takes longer than all else that the journal does for a change of rows. So the frame of
    `upgrade` is remembered: as long as it stands at the same call, which is then in a loop, its line is the same.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._frame: FrameType | None = None
        self._at = self._line = 0

    def now(self) -> int:
        """Return the line of the script's `upgrade` that called us, at any depth; 0 if it did not.

        Negative if a helper function is in between: the statement at that line may then be half done.
        """
        frame = self._frame
        if frame is None or frame.f_lasti != self._at:
            self._find()
        return self._line

    def forget(self) -> None:
        """Keep the frame, and all that its variables hold, no longer than `upgrade` runs."""
        self._frame = None

    def _find(self) -> None:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # inspect.stack() would read every file of the way
        helped = False
        while frame and not (frame.f_code.co_name == "upgrade" and frame.f_code.co_filename == self._path):
            helped = helped or not _is_of_library(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        self._frame, self._line = frame, 0
        if frame:
            self._at, self._line = frame.f_lasti, -frame.f_lineno if helped else frame.f_lineno


@functools.lru_cache(maxsize=1024)
def _is_of_library(module: str) -> bool:
    return module.partition(".")[0] in _LIBRARIES
