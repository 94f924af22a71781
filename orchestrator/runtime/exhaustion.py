"""Recognises errors that mean: the process may not have more memory or threads.

The app and the database are not at fault.
"""

HINT = (
    "The process has reached a limit of memory or threads: raise the memory limit of the container (or `ulimit -v`, "
    "`ulimit -u`, the pids limit), or run less in it. Then start again."
)


def is_exhaustion(error: BaseException | None) -> bool:
    """Return whether the error, or one that caused it, means that."""
    while error is not None:
        if isinstance(error, MemoryError) or (
            isinstance(error, RuntimeError) and "can't start new thread" in str(error)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
