"""A reporter that keeps the events instead of writing them."""

from orchestrator.events import Event, StateChanged
from orchestrator.serving.startup_status import StartupStatus
from orchestrator.start.reporter import Reporter


class Told(Reporter):
    """A reporter that keeps the events."""

    def __init__(self) -> None:
        super().__init__(StartupStatus("public", lambda: 1.0, lambda value: value))
        self.events: list[Event] = []
        self.exceptions: list[BaseException | None] = []

    def __call__(self, event: Event, exception: BaseException | None = None) -> None:
        """Keep it."""
        self.status.observe(event)
        self.events.append(event)
        self.exceptions.append(exception)

    @property
    def names(self) -> list[str]:
        """Return the names of the events, and the states."""
        return [each.state if isinstance(each, StateChanged) else each.name for each in self.events]
