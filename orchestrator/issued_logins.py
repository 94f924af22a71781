"""The logins that were given out: each password is told before it can be used, and its successor can be asked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sqlalchemy.engine.url import URL

Source = Callable[[], URL]
"""Gives a login as it is now."""


@dataclass
class IssuedLogins:
    """Logins and where each came from.

    Attributes:
        listeners: are called with every password before it can be used.
    """

    listeners: list[Callable[[Iterable[str]], None]] = field(default_factory=list, repr=False)
    _sources: dict[tuple[str, str], Source] = field(default_factory=dict, repr=False)

    def issue(self, url: URL, source: Source, *, changes: bool) -> URL:
        """Return `url`; `changes`: its login stands in a file, and may be another tomorrow."""
        if url.password:
            for listener in self.listeners:
                listener([url.password])
            if changes:
                self._sources.setdefault((url.username or "", url.password), source)
        return url

    def source(self, user: str, password: str) -> Source | None:
        """What gives the login that has taken the place of this one; None if no file ever held it."""
        return self._sources.get((user, password))

    def forget(self, source: Source) -> None:
        """Drop the logins that came from `source`."""
        for login in [login for login, each in self._sources.items() if each == source]:
            del self._sources[login]
