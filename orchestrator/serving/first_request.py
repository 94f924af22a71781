"""Does once what FastAPI's first request would do for the whole process."""

import contextlib
import inspect
import sys


def prepare() -> None:
    """Compile the standard library's patterns that read source code, if FastAPI is imported. No code of the app runs.

    FastAPI looks up the file and line of an endpoint at its first request (`inspect.getsourcelines`), for its messages.
    On Python 3.11 the first such call takes 2 ms; a request takes 0.2 ms.
    """
    if "fastapi" in sys.modules:
        with contextlib.suppress(OSError):  # installed without its source
            inspect.getsourcelines(prepare)
