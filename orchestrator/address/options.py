"""The options of a driver, on their way into the words of another driver."""

import os
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.address.drivers import Parameters

_YES = {"1", "true", "yes", "on"}


class AddressError(Exception):
    """No connection can be made: `option` says which one is wrong (empty: the whole), `problem` how, without values."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"its option `{option}`: {problem}" if option else problem)
        self.option, self.problem = option, problem


class Translated(NamedTuple):
    """Arguments for our own driver.

    Attributes:
        arguments: of its `connect`.
        prefers_tls: use TLS if the server offers it, without verifying.
    """

    arguments: Parameters
    prefers_tls: bool = False


@dataclass
class Options:
    """The options that a driver is given. A translation takes out of `given` what it has understood."""

    driver: str
    given: Parameters
    ignored: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Copy them, as they are the driver's own; None is no value."""
        self.given = {key: value for key, value in self.given.items() if value is not None}

    def flag(self, name: str) -> bool | None:
        """A yes or no, and None when it is not given."""
        return as_flag(self.given.pop(name, None))

    def take(self, names: dict[str, Any]) -> Parameters:
        """The options of these names, each through its function, which makes the type that our driver needs."""
        found = {}
        for name in [name for name in self.given if name in names]:
            try:
                found[name] = names[name](self.given.pop(name))
            except (TypeError, ValueError):
                raise AddressError(name, "it does not have the right form") from None
        return found

    def ignore_rest(self, harmless: frozenset[str], prefixes: tuple[str, ...] = ()) -> None:
        """Note the names of what is left, except of what makes no difference to a connection that only looks."""
        left = [name for name in self.given if name not in harmless and not name.startswith(prefixes or ("\0",))]
        self.ignored += left


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


def as_flag(value: Any) -> bool | None:
    """A yes or no in any of the forms that drivers take, and None for None."""
    return None if value is None else str(value).lower() in _YES


def existing_file(name: str, path: Any) -> str:
    """The path, its `~` expanded.

    Raises:
        AddressError: there is no such file: waiting for it would only hide the cause.
    """
    expanded = os.path.expanduser(str(path))  # noqa: PTH111  # it goes into an argument as text
    if not os.path.exists(expanded):  # noqa: PTH110  # same
        raise AddressError(name, "there is no such file")
    return expanded
