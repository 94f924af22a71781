"""Explains an import that fails because one file has two names, such as `models` and `src.models`.

Under `alembic` and `uvicorn` each process has one of them. Here env.py and the app share a process, and the file
declares twice what may exist once: a table of a metadata, a metric of a registry.
"""

import os
import sys
from pathlib import Path
from types import FrameType, TracebackType

_HINT = (
    "{} and {} are the same file ({}). env.py and the app run in one process, so they must import it by the same name. "
    "Without a change of the code: `orchestrator run -- uvicorn ...`, which starts the app in a new process image."
)


def hint_for_twins(error: BaseException) -> str:
    """Return a hint if `error` was raised while a file was imported under a second name; otherwise an empty text."""
    loaded = {Path(file).absolute(): name for name, file in _files()}
    for frame in _frames(error.__traceback__):
        file, name = Path(frame.f_code.co_filename).absolute(), frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and loaded.get(file, name) != name:
            return _HINT.format(loaded[file], name, os.path.relpath(file))
    return ""


def _files() -> list[tuple[str, str]]:
    """Return the name and the file of each module that is imported completely or in part."""
    modules = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
    return [(name, file) for name, file in modules if isinstance(file, str)]


def _frames(traceback: TracebackType | None) -> list[FrameType]:
    frames = []
    while traceback:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return frames
