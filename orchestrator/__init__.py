"""The entrypoint of a FastAPI and Alembic container: wait for the database, migrate it safely, serve.

The public interface for Python is `__all__`, under semantic versioning. All other names are private.
"""

from orchestrator import began as began  # the first of our modules to run: it takes the time

TYPE_CHECKING = False  # as type checkers know it; `typing` would be the longest import of the health check
if TYPE_CHECKING:
    from orchestrator.library.child import Finished, Orchestrator, StartFailedError, migrate, wait
    from orchestrator.library.recorder import EventNotSeenError
    from orchestrator.settings.model import Settings

__all__ = ["EventNotSeenError", "Finished", "Orchestrator", "Settings", "StartFailedError", "migrate", "wait"]


def __getattr__(name: str) -> object:
    """Import a public name when it is used: a start uses none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from orchestrator.library import child, recorder
    from orchestrator.settings.model import Settings

    return {"Settings": Settings, "EventNotSeenError": recorder.EventNotSeenError}.get(name) or getattr(child, name)
