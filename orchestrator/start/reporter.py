"""The destination of events: first the state that the port shows, then the log."""

from orchestrator.events import Event, Request, StateChanged
from orchestrator.log import CONTEXT, log_event
from orchestrator.serving.startup_status import StartupStatus


class Reporter:
    """The `emit` of a process."""

    def __init__(self, status: StartupStatus) -> None:
        self.status = status

    def __call__(self, event: Event, exception: BaseException | None = None) -> None:
        """Report `event`, with the traceback of `exception` when reading it helps."""
        if isinstance(event, StateChanged):
            CONTEXT.state = event.state
        if not isinstance(event, Request):  # a request does not change the state of the start
            self.status.observe(event)
        log_event(event, exception)

    def elapsed_seconds(self) -> float:
        """Since the process began."""
        return round(CONTEXT.elapsed_seconds(), 3)
