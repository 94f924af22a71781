"""The events of a process, for those who wait for them: in a thread, or in any event loop."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]
"""One line of the log; docs/events.md describes the fields."""

_SHOWN = 30  # lines of the story in an error


class EventNotSeenError(AssertionError):
    """An expected event did not come; the message contains the last lines of the process."""


class Recorder:
    """A list of events that grows while a thread records, and can be awaited. Every method may be called in any thread.

    Attributes:
        events: All events up to now, in order.
        noise: Lines that are no events, such as what a crashing interpreter prints.
        ended: No further event will come.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.noise: list[str] = []
        self.ended = False
        self._changed = threading.Condition()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def record(self, event: Event) -> None:
        """Append an event and wake all who wait."""
        with self._changed:
            self.events.append(event)
            self._wake()

    def end(self) -> None:
        """Wake all who wait: no further event will come."""
        with self._changed:
            self.ended = True
            self._wake()

    def find(self, name: str, /, **fields: object) -> list[Event]:
        """Return the events of this name with these fields, up to now."""
        return [event for event in list(self.events) if _matches(event, name, fields)]

    def wait_for(self, name: str, /, *, within_seconds: float = 30, after: int = 0, **fields: object) -> Event:
        """Return the first event of this name with these fields; block until it comes.

        Args:
            name: The event's name.
            within_seconds: How long to wait.
            after: How many events to skip; `len(recorder.events)` waits for a new one.
            fields: Fields of the event and their values.

        Raises:
            EventNotSeenError: The process ended without it, or the time is over.
        """
        deadline = time.monotonic() + within_seconds
        with self._changed:
            while (found := self._next(after, name, fields)) is None:
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise self._not_seen(name, fields, within_seconds)
                self._changed.wait(left)
        return found

    async def event(self, name: str, /, *, within_seconds: float = 30, after: int = 0, **fields: object) -> Event:
        """Do the same as `wait_for` without blocking the event loop."""
        try:
            async with asyncio.timeout(within_seconds):
                while isinstance(found := self._next_or_future(after, name, fields), asyncio.Future):
                    await found
                return found
        except TimeoutError:
            raise self._not_seen(name, fields, within_seconds) from None

    def story(self) -> str:
        """Return the last lines of the process, for a message."""
        told = [f"{each.get('timestamp')} {each.get('level')} {each.get('message')}" for each in self.events]
        return "\n".join([*told, *self.noise][-_SHOWN:])

    def _next(self, after: int, name: str, fields: Mapping[str, object]) -> Event | None:
        return next((each for each in self.events[after:] if _matches(each, name, fields)), None)

    def _next_or_future(self, after: int, name: str, fields: Mapping[str, object]) -> Event | asyncio.Future[None]:
        """Return the event, or a future that is done when there is news."""
        with self._changed:
            if found := self._next(after, name, fields):
                return found
            if self.ended:
                raise self._not_seen(name, fields, 0)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, future))
            return future

    def _wake(self) -> None:
        self._changed.notify_all()
        waiting, self._waiting = self._waiting, []
        for loop, future in waiting:
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(_resolve, future)

    def _not_seen(self, name: str, fields: Mapping[str, object], within_seconds: float) -> EventNotSeenError:
        wanted = " ".join([name, *(f"{key}={value!r}" for key, value in fields.items())])
        why = "the process ended without it" if self.ended else f"it did not come within {within_seconds:g} s"
        return EventNotSeenError(f"no event {wanted}: {why}\n{self.story()}")


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _matches(event: Event, name: str, fields: Mapping[str, object]) -> bool:
    return event.get("event") == name and all(event.get(key) == value for key, value in fields.items())
