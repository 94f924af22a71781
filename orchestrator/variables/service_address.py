"""The addresses in ORCHESTRATOR_WAIT_FOR."""

from base64 import b64encode
from typing import NamedTuple, Self
from urllib.parse import SplitResult, unquote, urlsplit

_PORTS = {"tcp": None, "http": 80, "https": 443}


class ServiceAddress(NamedTuple):
    """The address of a service: `tcp://host:port`, or an `http://` or `https://` URL."""

    url: SplitResult

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the service at an address.

        Raises:
            ValueError: the text is not an address; the message gives the reason without repeating the text.
        """
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise ValueError("an address in it cannot be read: is its port a number?") from None
        if url.scheme not in _PORTS or not url.hostname:
            raise ValueError("each address must begin with tcp://, http:// or https://, and name a host")
        if port is None and _PORTS[url.scheme] is None:
            raise ValueError("an address with tcp:// must name a port")
        return cls(url)

    @property
    def port(self) -> int:
        """Return the port, or the scheme's default port."""
        return self.url.port or _PORTS[self.url.scheme] or 0

    @property
    def name(self) -> str:
        """Return the address without login and query, which may be secrets."""
        host = f"[{self.url.hostname}]" if ":" in (self.url.hostname or "") else self.url.hostname
        return f"{self.url.scheme}://{host}:{self.port}{self.url.path}"

    def request(self) -> bytes:
        """Return the HTTP request that checks the service."""
        target = (self.url.path or "/") + (f"?{self.url.query}" if self.url.query else "")
        host = self.url.netloc.rpartition("@")[2]
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "User-Agent: orchestrator", "Accept: */*"]
        if self.url.username is not None:
            login = f"{unquote(self.url.username)}:{unquote(self.url.password or '')}"
            lines.append(f"Authorization: Basic {b64encode(login.encode()).decode()}")
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def parse(text: str) -> tuple[ServiceAddress, ...]:
    """Return all services of ORCHESTRATOR_WAIT_FOR.

    Raises:
        ValueError: an address is wrong.
    """
    return tuple(ServiceAddress.parse(each.strip()) for each in text.split(",") if each.strip())
