"""The logins that were handed out. Listeners get each password before it is used; its successor can be looked up."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy.engine.url import URL

Source = Callable[[], URL]
"""Gives a login as it is now."""


def unchanged(*_: Any) -> None:
    """Leave the arguments of a connection as they are: nothing renews logins."""


class IssuedLogins:
    """The logins, and the source of each.

    Attributes:
        listeners: called with each password before it is used.
        renew: renews the login in a driver's arguments, with the arguments of SQLAlchemy's event `do_connect`.
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[Iterable[str]], None]] = []
        self.renew: Callable[[Any, Any, Any, dict[str, Any]], None] = unchanged
        self._sources: dict[tuple[str, str], Source] = {}

    def issue(self, url: URL, source: Source, *, changes: bool) -> URL:
        """Register and return `url`. `changes`: its login is in a file, so the next one may differ."""
        if url.password:
            for listener in self.listeners:
                listener([url.password])
            if changes:
                self._sources.setdefault((url.username or "", url.password), source)
        return url

    def source(self, user: str, password: str) -> Source | None:
        """Return the callable that gives the login which replaces this one; None if it never came from a file."""
        return self._sources.get((user, password))

    def forget(self, source: Source) -> None:
        """Forget the logins that came from `source`."""
        for login in [login for login, each in self._sources.items() if each == source]:
            del self._sources[login]
