"""Recognises errors that mean: the process may not have more memory or threads. Keeps some for its last event.

The app and the database are not at fault.
"""

import errno
import mmap
import re
import resource
import signal
from pathlib import Path

HINT = (
    "The process has reached a limit of memory or threads: raise the memory limit of the container (or `ulimit -v`, "
    "`ulimit -u`, the pids limit), or run less in it. Then start again."
)
RESERVE_BYTES = 16 * 2**20
END_SECONDS = 10.0
ENOUGH_BYTES = 512 * 2**20
THREAD_BYTES = 160 * 2**20  # its stack, and the 128 MB among which glibc chooses the 64 MB of its arena
_NO_ROOM = re.compile("can't start new thread|failed to map segment|[Cc]annot allocate memory")

_reserve: list[mmap.mmap] = []


def warning() -> str:
    """Return what may happen at a limit of addresses that is too low for a start: a library may end the process."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY or limit >= ENOUGH_BYTES:
        return ""
    return (
        f"The process may have {limit >> 20} MB of addresses (`ulimit -v`), and glibc reserves up to 128 MB for "
        "each thread: libraries may end the process without a word. Raise the limit, or set MALLOC_ARENA_MAX=1."
    )


def keep_reserve() -> None:
    """Reserve addresses for the last event of a process that has no memory left; they take no memory."""
    _reserve.append(mmap.mmap(-1, RESERVE_BYTES))


def spend_reserve() -> None:
    """Give the reserve back, and let the kernel end the process (SIGALRM) if it hangs now, which no thread could."""
    while _reserve:
        _reserve.pop().close()
    signal.setitimer(signal.ITIMER_REAL, END_SECONDS)


def is_exhaustion(error: BaseException | None) -> bool:
    """Return whether the error, or one that caused it, means that."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if isinstance(error, RuntimeError | ImportError) and _NO_ROOM.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_near_limit() -> bool:
    """Return whether there is no room for another thread: without memory, libraries fail in any way, not only in this.

    True only where a limit of addresses is set (`ulimit -v`).
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return False
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, MemoryError):
        return True
    return limit - pages * mmap.PAGESIZE < THREAD_BYTES
