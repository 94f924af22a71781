"""The process: its start, its states, its stop."""

from orchestrator.events.event import Event, catalogued, described, seconds


@catalogued
class ProcessStarted(Event):
    """The process runs and its settings are valid; nothing has been touched yet."""

    sentence = "Started `{command}` as process {pid}, with Python {python_version}."

    python_version: str = described("such as 3.13.1")
    pid: int = described("process id; process 1 of a container is its init, see docs/image.md")
    command: str = described("serve, migrate or wait")


@catalogued
class StateChanged(Event):
    """The state machine moved; the new state is the event's `state`."""

    sentence = "The state changed from {previous_state} to {state}."

    previous_state: str = described("the state before")
    state: str = described("the state from now on")


@catalogued
class StopRequested(Event):
    """A signal asked the process to stop."""

    sentence = "Received {signal}: stopping."

    signal: str = described("SIGTERM or SIGINT")


@catalogued
class ProcessStopped(Event):
    """The process ends as asked, or its command is done."""

    outcome = "success"
    sentence = "Stopped {uptime_seconds:.1f} s after the start, with exit code {exit_code}."

    uptime_seconds: float = seconds("since the process began")
    exit_code: int = described("0")
