"""A patient HTTP client: on a busy machine an answer may take longer than the 5 s of httpx."""

import functools
import ssl
from typing import Any

import httpx


def http_client(url: str, **options: Any) -> httpx.AsyncClient:
    """Return a client whose requests may name the path alone; options as for `httpx.AsyncClient`."""
    return httpx.AsyncClient(base_url=url, verify=_no_authorities(), **{"timeout": 60, **options})


@functools.cache
def _no_authorities() -> ssl.SSLContext:
    """Return a context that trusts nobody: reading the system's authorities takes 20 ms of CPU for each client."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
