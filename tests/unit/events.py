"""An example of each event of the catalogue."""

import dataclasses
from typing import Any, get_type_hints

from orchestrator.errors import LockTimeout
from orchestrator.events import CATALOGUE, Event

# A value of each type that fields have; text with what a format string would trip over.
VALUES: dict[Any, Any] = {
    str: "{x} %s {0}",
    int: 7,
    float: 1.25,
    bool: True,
    int | str: "28P01",
    int | None: 7,
    float | None: 1.25,
    list[str]: ["a", "{b}"],
    list[dict[str, str]]: [{"variable": "PORT"}],
}

LOCK = LockTimeout(
    error_type="lock_timeout",
    error_message="held",
    lock_name="orchestrator:app",
    holder="connection 7 of app@db",
    holder_statement="ALTER USER app IDENTIFIED BY 'hunter2'",
    holder_seconds=3,
    holder_progressing=False,
    waited_seconds=900.0,
)


def example(name: str, **given: Any) -> Event:
    """An event of that name with every field filled in, some with what is given."""
    kind = CATALOGUE[name]
    types = get_type_hints(kind)
    return kind(**{each.name: VALUES[types[each.name]] for each in dataclasses.fields(kind)} | given)
