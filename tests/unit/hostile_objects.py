"""Objects that misbehave in each way that Python allows."""

import collections
import sys
import types
from typing import Any
from unittest import mock


class Refusal(BaseException):
    """What `except Exception` lets through."""


def refuse(*_: object, **__: object) -> Any:
    """What no method should do."""
    raise Refusal


class Refuses:
    """A `repr` that fails."""

    __repr__ = __str__ = refuse


class IsNoText:
    """A `repr` that returns no text."""

    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]  # that is the point


class HasNoEnd:
    """A `repr` that leads to itself."""

    def __repr__(self) -> str:
        return repr(self)


class Exits:
    """A `repr` that ends the process, if it may."""

    def __repr__(self) -> str:
        sys.exit("no")


class Text(str):
    """Text that does nothing that text does."""

    __slots__ = ()
    __str__ = __len__ = __contains__ = __mod__ = __eq__ = __add__ = __iter__ = refuse
    encode = find = startswith = replace = join = refuse
    __hash__ = str.__hash__


class TellsSuchText:
    """A `repr` that is such a text."""

    def __repr__(self) -> str:
        return Text("words")


class SaysItIsText:
    """It deceives `isinstance`, as a mock with a `spec` does."""

    __class__ = str  # type: ignore[assignment]  # that is the point


class HasNoClass:
    """`isinstance` fails."""

    __class__ = property(refuse)


class Mapping(dict[Any, Any]):
    """A mapping without content."""

    items = keys = values = __iter__ = __len__ = __bool__ = refuse


class Sequence(list[Any]):
    """A list without content."""

    __iter__ = __len__ = __bool__ = __getitem__ = refuse


class Integer(int):
    """A number that does not compute."""

    __repr__ = __str__ = __index__ = __int__ = __add__ = __pos__ = bit_length = refuse


class Real(float):
    """Another."""

    __repr__ = __str__ = __float__ = __pos__ = __add__ = refuse


class Meta(type):
    """A class of classes that are as bad as their objects."""

    __instancecheck__ = __subclasscheck__ = refuse

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__name__", "__qualname__", "__mro__"):
            raise Refusal
        return super().__getattribute__(name)


class HasNoName(metaclass=Meta):
    """Its class hides its name."""

    __repr__ = __str__ = refuse


OBJECTS: dict[str, Any] = {
    "refuses": Refuses(),
    "is no text": IsNoText(),
    "has no end": HasNoEnd(),
    "exits": Exits(),
    "text": Text("words\udcff"),
    "tells such text": TellsSuchText(),
    "says it is text": SaysItIsText(),
    "has no class": HasNoClass(),
    "mapping": Mapping(a=1),
    "sequence": Sequence([1]),
    "integer": Integer(5),
    "real": Real(2.5),
    "has no name": HasNoName(),
    "mock of a mapping": mock.Mock(spec=dict),
    "mock of a text": mock.Mock(spec=str),
    "mock": mock.MagicMock(),
    "generator": (number for number in range(3)),
    "proxy": types.MappingProxyType({"a": 1}),
    "memory": memoryview(b"\xff"),
    "deque": collections.deque([1, {2}]),
    "module": sys,
}
