"""Values of any type as JSON data: bounded, and without calling more of foreign objects than `repr`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from orchestrator.patterns import pattern

MASK = "***"
CUT = "… (cut)"
MAX_DEPTH = 8  # of lists and mappings within each other; a circle has no end
MAX_VALUES = 1_000  # within one value; more than a line holds

_NAME_OF: Callable[[type], str] = type.__dict__["__name__"].__get__
_SECRET_KEY = pattern(r"(?i)password|passwd|secret|token|authorization|api_?key")


class Cleaning:
    """Cleans one value of any type. It checks `type(value)`, because a class may lie to `isinstance`."""

    def __init__(self, text: Callable[[str], str], name: Callable[[str], str]) -> None:
        self._text, self._name = text, name
        self._left = MAX_VALUES

    def value(self, value: Any, key: str = "", depth: int = MAX_DEPTH) -> Any:
        """Return the value as JSON data, `depth` levels deep; it is masked completely if `key` names a secret."""
        self._left -= 1
        if value is not None and _SECRET_KEY.search(key):
            return MASK
        if value is None or type(value) is bool:
            return value
        for number in (int, float):
            if issubclass(type(value), number):
                return number.__pos__(value)
        for container in (dict, list, tuple, set, frozenset):
            if issubclass(type(value), container):
                return self._elements(container, value, depth - 1)
        return self._text(plain(value))

    def _elements(self, container: type[Iterable[Any]], value: Any, depth: int) -> Any:
        if not depth:
            return f"<{container.__name__}, nested too deeply>"
        try:
            if container is dict:
                named = ((plain(name), each) for name, each in self._some(dict.items(value), (CUT, CUT)))
                return {self._name(name): self.value(each, name, depth) for name, each in named}
            return [self.value(each, "", depth) for each in self._some(container.__iter__(value), CUT)]
        except BaseException as error:  # noqa: BLE001  # changed by another thread meanwhile
            return f"<{container.__name__} that raised {kind(error)}>"

    def _some(self, elements: Iterable[Any], last: Any) -> Iterator[Any]:
        for each in elements:
            if self._left <= 0:
                yield last
                return
            yield each


def is_cut(value: Any) -> bool:
    """Return whether a cleaned value is incomplete."""
    if isinstance(value, dict):
        return any(map(is_cut, value.values()))
    if isinstance(value, list):
        return any(map(is_cut, value))
    return isinstance(value, str) and (value.endswith(CUT) or f"\n{CUT}\n" in value)


def plain(value: object) -> str:
    """Return a text, bypassing overrides of its class; the `repr` of any other value."""
    return str.__str__(value) if issubclass(type(value), str) else safe_repr(value)


def kind(value: object) -> str:
    """Return the name of its class, bypassing overrides of its metaclass."""
    return _NAME_OF(type(value))


def safe_repr(value: object) -> str:
    """Return a `repr` that never raises: a broken object must not cost us the line."""
    try:
        return str.__str__(repr(value))
    except BaseException as error:  # noqa: BLE001  # whatever a foreign __repr__ does
        return f"<{kind(value)} whose repr raised {kind(error)}>"
