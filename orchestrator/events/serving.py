"""Serving the app, or becoming the program that does."""

from orchestrator.events.event import Event, catalogued, described, seconds


@catalogued
class AppLoaded(Event):
    """The app was imported; its lifespan has not begun."""

    outcome = "success"
    sentence = "Imported the app {app} in {duration_seconds:.2f} s."

    app: str = described("the import string")
    duration_seconds: float = seconds(
        "duration of the import, without the time in which it was held", metric="app_load_seconds"
    )


@catalogued
class AppImportHeld(Event):
    """The app connects to a database while it is imported. Its import continues when the database is at head."""

    sentence = "The app {app} connects to the database while it is imported: its import continues after the migration."

    app: str = described("the import string")


@catalogued
class ServerStarted(Event):
    """The app answers on the port."""

    outcome = "success"
    sentence = "Serving on {host}:{port}, {startup_seconds:.2f} s after the start of the process."

    host: str = described("address of the listener")
    port: int = described("port of the listener")
    startup_seconds: float = seconds("from the start of the process", metric="startup_seconds")


@catalogued
class CommandStarted(Event):
    """`run` is done: this process becomes COMMAND, which writes what it likes from here on. The last event."""

    outcome = "success"
    sentence = "The database is ready. This process now becomes: {command}"

    command: str = described("the program and its arguments", foreign=True)


@catalogued
class Request(Event):
    """A request was answered; requests to the probes are not logged."""

    sentence = "{method} {path} {status}"

    method: str = described("HTTP method")
    path: str = described("path without the query, which may hold secrets", foreign=True)
    status: int = described("HTTP status")
    duration_seconds: float = seconds("from the request's headers to the end of the answer")
    client: str = described("address of the client; the forwarded one behind a trusted proxy", foreign=True)
    trace_id: str = described("id of the trace in `traceparent` or `X-Amzn-Trace-Id`; empty without one")


@catalogued
class ServerDrained(Event):
    """The listener is closed and the requests in flight are finished, or were cancelled."""

    sentence = (
        "Finished the open requests in {duration_seconds:.1f} s"
        "[; cancelled {requests_cancelled:request} that did not end in time]."
    )

    duration_seconds: float = seconds("since the stop was requested")
    requests_cancelled: int = described("number of requests that were cancelled because they did not finish in time")
