"""The options of a driver, while they are translated for another driver."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from orchestrator.address.drivers import Parameters

_YES = {"1", "true", "yes", "on"}


class AddressError(Exception):
    """No connection can be made. `option` is the wrong one (empty: all), `problem` the reason."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"its option `{option}`: {problem}" if option else problem)
        self.option, self.problem = option, problem


class Translated(NamedTuple):
    """Arguments for our own driver.

    Attributes:
        arguments: keyword arguments of its `connect`.
        prefers_tls: use TLS if the server offers it, without verification.
    """

    arguments: Parameters
    prefers_tls: bool = False


class Options:
    """The options given to a driver. A translation removes from `given` what it has understood.

    Attributes:
        given: a copy, because the driver's must not change; None counts as not given.
        ignored: the names of options without a counterpart.
    """

    def __init__(self, driver: str, given: Parameters) -> None:
        self.driver, self.ignored = driver, list[str]()
        self.given = {key: value for key, value in given.items() if value is not None}

    def flag(self, name: str) -> bool | None:
        """Return a yes or no; None if it is not given."""
        return as_flag(self.given.pop(name, None))

    def take(self, names: dict[str, Any]) -> Parameters:
        """Return the options of these names, each converted by its function to the type that our driver needs."""
        found = {}
        for name in [name for name in self.given if name in names]:
            value = self.given.pop(name)
            try:
                found[name] = names[name](value)
            except (TypeError, ValueError):
                raise AddressError(name, f"{shown(value)} does not have the right form") from None
        return found

    def ignore_rest(self, harmless: frozenset[str], prefixes: tuple[str, ...] = ()) -> None:
        """Note the names of the remaining options, except those that do not affect a connection that only reads."""
        left = [name for name in self.given if name not in harmless and not name.startswith(prefixes or ("\0",))]
        self.ignored += left


class Translation(Protocol):
    """The members of the module `address/NAME.py` of a database."""

    def merged(self, arguments: Sequence[Any], parameters: Mapping[str, Any]) -> Parameters:
        """Return the arguments of a driver's `connect` by name: the positional ones, and those inside a text."""

    def translate(self, options: Options, location: dict[str, Any]) -> Translated:
        """Return the arguments for our driver.

        Args:
            options: those of the app's driver; those that are left over are reported.
            location: host, port, username, password and database; may be changed.

        Raises:
            AddressError: an option is wrong.
        """


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


def as_flag(value: Any) -> bool | None:
    """Return a yes or no from any form that drivers accept; None for None."""
    return None if value is None else str(value).lower() in _YES


def shown(value: Any) -> str:
    """Return the value of an option as text for a message."""
    return f"`{str(value)[:100]}`"


def existing_file(name: str, path: Any) -> str:
    """Return the path with `~` expanded.

    Raises:
        AddressError: the file does not exist: waiting would only hide the cause.
    """
    expanded = os.path.expanduser(str(path))  # noqa: PTH111  # it goes into an argument as text
    if not os.path.exists(expanded):  # noqa: PTH110  # same
        raise AddressError(name, f"there is no file {shown(expanded)}")
    return expanded
