"""The base of all events: name, level, outcome, sentence and fields, and how a class becomes an event."""

import logging
import re
from collections.abc import Callable, Hashable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, TypeVar, dataclass_transform

from orchestrator.sentences import cleaned, said

Outcome = Literal["success", "failure", "unknown"]
Unit = Literal["", "seconds", "percent"]
E = TypeVar("E", bound="Event")

CATALOGUE: dict[str, type["Event"]] = {}


def described(text: str, *, foreign: bool = False, unit: Unit = "", metric: str = "", **kwargs: Any) -> Any:
    """Return a field with its meaning.

    Args:
        text: Its meaning, for the documentation.
        foreign: Its text comes from outside and may contain a secret.
        unit: The unit of a number; empty for counts and texts.
        metric: The CloudWatch metric that gets its value, with ORCHESTRATOR_METRICS=emf.
        kwargs: As in `dataclasses.field`.
    """
    return field(metadata={"help": text, "foreign": foreign, "unit": unit, "metric": metric}, **kwargs)


def seconds(text: str, *, metric: str = "", **kwargs: Any) -> Any:
    """A field that is a duration."""
    return described(text, unit="seconds", metric=metric, **kwargs)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(described, seconds))
def catalogued(kind: type[E]) -> type[E]:
    """Make a class an event. Type checkers see which fields it needs.

    `dataclass` generates a method by compiling its text. For the whole catalogue that would take longer than any of our
    imports, so `Event` has the methods, once.
    """
    return dataclass(init=False, repr=False, eq=False, kw_only=True)(kind)


@catalogued
class Event:
    """Something that happened, as data. It does not change."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    name: ClassVar[str]
    level: ClassVar[int] = logging.INFO
    outcome: ClassVar[Outcome] = "unknown"
    sentence: ClassVar[str]

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        """Name the class and put it into the catalogue, unless it is only a base, or a milder form of its parent."""
        super().__init_subclass__(**kwargs)
        if getattr(cls, "name", "") in CATALOGUE:
            return
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        if not abstract:
            CATALOGUE[cls.name] = cls

    def __init__(self, **values: Any) -> None:
        kind: Any = type(self)  # mypy confuses the hash of a class with that of its instances
        defaults = _defaults(kind)
        vars(self).update(values if values.keys() == defaults.keys() else self._completed(defaults, values))
        self.__post_init__()

    def _completed(self, defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        given = defaults | values
        missing = [name for name, value in given.items() if value is MISSING]
        if wrong := missing or [name for name in values if name not in defaults]:
            raise TypeError(f"{type(self).__name__}: {'missing' if missing else 'unknown'}: {', '.join(wrong)}")
        return {name: value.make() if isinstance(value, _New) else value for name, value in given.items()}

    def __post_init__(self) -> None:
        """Complete the fields; nothing to do for most events."""

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), frozenset(item for item in vars(self).items() if isinstance(item[1], Hashable))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    @property
    def message(self) -> str:
        """The sentence, with the data in it."""
        return said(self.sentence, self.fields())

    def fields(self, clean: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
        """Every field by name, also when it is empty: filters rely on it. Foreign text is `clean`ed."""
        kind: Any = type(self)  # as above
        return {
            name: cleaned(getattr(self, name), clean) if foreign else getattr(self, name)
            for name, foreign in _names(kind)
        }

    def metrics(self) -> dict[str, float]:
        """The values that CloudWatch may keep as metrics, by the metric's name; durations, in seconds."""
        return {each.metadata["metric"]: getattr(self, each.name) for each in fields(self) if each.metadata["metric"]}


@cache
def _names(kind: Any) -> list[tuple[str, bool]]:
    """The fields and whether they are foreign; each request is an event, and to ask a dataclass takes its time."""
    return [(each.name, each.metadata["foreign"]) for each in fields(kind)]


class _New(NamedTuple):
    """A default that is made for each event, such as a list."""

    make: Callable[[], Any]


@cache
def _defaults(kind: Any) -> dict[str, Any]:
    """Return each field's default in the order of the fields; MISSING where a value must be given."""
    return {
        each.name: each.default if each.default_factory is MISSING else _New(each.default_factory)
        for each in fields(kind)
    }


Emit: TypeAlias = Callable[[Event], None]
