"""The head of an HTTP/1 request, as the gate reads it."""

import urllib.parse


class RequestHead:
    """The request line and the headers of a request.

    Attributes:
        method: as it was sent.
        target: as it was sent: a path with a query, or an absolute URL.
        path: the target's path, decoded.
        headers: the names in lower case, and the values.
        keeps_alive: whether the connection may stay open: it is HTTP/1.1, without a body, `close` or an upgrade.

    Raises:
        ValueError: the bytes are not HTTP.
    """

    def __init__(self, head: bytes) -> None:
        line, *lines = head.split(b"\r\n")
        self.method, self.target, version = line.decode("ascii").split(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(version)
        self.path = urllib.parse.unquote(_path(self.target))
        self.headers = [_header(each) for each in lines]
        found = dict(self.headers)
        body = found.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in found
        leaves = b"close" in found.get(b"connection", b"").lower() or b"upgrade" in found
        self.keeps_alive = version != "HTTP/1.0" and not body and not leaves


def _path(target: str) -> str:
    if not target.startswith("/"):  # an absolute URL, as clients send it to a proxy
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0].partition("#")[0]


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon:
        raise ValueError(line)
    return name.lower(), value.strip()
