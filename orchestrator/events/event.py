"""What an event is: its name, level, outcome, sentence and fields, and how a class becomes one."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, dataclass_transform

from orchestrator.sentences import cleaned, said

Outcome = Literal["success", "failure", "unknown"]
Unit = Literal["", "seconds", "percent"]
E = TypeVar("E", bound="Event")

CATALOGUE: dict[str, type["Event"]] = {}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, as data."""

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

    @property
    def message(self) -> str:
        """The sentence, with the data in it."""
        return said(self.sentence, self.fields())

    def fields(self, clean: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
        """Every field by name, also when it is empty: filters rely on it. Foreign text is `clean`ed."""
        kind: Any = type(self)  # mypy takes a class for what is hashed by its instances' __hash__
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


Emit: TypeAlias = Callable[[Event], None]


def described(text: str, *, foreign: bool = False, unit: Unit = "", metric: str = "", **kwargs: Any) -> Any:
    """A field with its meaning.

    Args:
        text: Its meaning, for the documentation.
        foreign: Its text comes from outside and may hold a secret.
        unit: What a number counts; empty for mere counts, numbers and texts.
        metric: The name of the CloudWatch metric that it is a value of, with ORCHESTRATOR_METRICS=emf.
        kwargs: As of `dataclasses.field`.
    """
    return field(metadata={"help": text, "foreign": foreign, "unit": unit, "metric": metric}, **kwargs)


def seconds(text: str, *, metric: str = "", **kwargs: Any) -> Any:
    """A field that is a duration."""
    return described(text, unit="seconds", metric=metric, **kwargs)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(described, seconds))
def catalogued(kind: type[E]) -> type[E]:
    """Make a class an event; mypy sees which fields it must be given, which it would not of a plain `dataclass`."""
    return dataclass(frozen=True, kw_only=True)(kind)
