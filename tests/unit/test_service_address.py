"""The addresses in ORCHESTRATOR_WAIT_FOR: what is asked, and what is shown."""

import base64
import re

import pytest

from orchestrator.variables.service_address import ServiceAddress, parse

REQUESTS = {
    "http://host": ("GET / HTTP/1.1", "Host: host", ""),
    "http://host:80?a=b": ("GET /?a=b HTTP/1.1", "Host: host:80", ""),
    "http://us%40er:p%3Aw@host:8080/a?b=c": ("GET /a?b=c HTTP/1.1", "Host: host:8080", "us@er:p:w"),
    "https://user@[::1]/a": ("GET /a HTTP/1.1", "Host: [::1]", "user:"),
}
NAMES = {
    "tcp://user:word@host:1": (1, "tcp://host:1"),
    "http://host": (80, "http://host:80"),
    "https://user:word@host/a?token=word": (443, "https://host:443/a"),
    "http://[::1]:8080": (8080, "http://[::1]:8080"),
}


@pytest.mark.parametrize("address", REQUESTS)
def test_the_request_has_the_login_in_its_own_header_only(address: str) -> None:
    """`Host` is what proxies log."""
    first, host, login = REQUESTS[address]
    header = [f"Authorization: Basic {base64.b64encode(login.encode()).decode()}"] if login else []
    lines = [first, host, "User-Agent: orchestrator", "Accept: */*", *header, "Connection: close", "", ""]
    assert ServiceAddress.parse(address).request().decode().split("\r\n") == lines


@pytest.mark.parametrize("address", NAMES)
def test_its_name_shows_neither_login_nor_query(address: str) -> None:
    """It is in each line about the service, with its port."""
    service = ServiceAddress.parse(address)
    assert (service.port, service.name) == NAMES[address]


def test_several_are_separated_by_commas() -> None:
    """Blanks and an end without another address are no mistake."""
    assert [each.name for each in parse(" tcp://a:1 ,tcp://b:2,, ")] == ["tcp://a:1", "tcp://b:2"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ftp://host:21", "begin with tcp://, http:// or https://"),
        ("http://:80", "name a host"),
        ("host:80", "begin with tcp://"),
        ("tcp://host", "must name a port"),
        ("tcp://host:http", "is its port a number?"),
        ("tcp://host:70000", "is its port a number?"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(address: str, reason: str) -> None:
    """Without repeating it, since it may have a login."""
    with pytest.raises(ValueError, match=re.escape(reason)) as refused:
        parse(f"http://ok,{address}")
    assert address not in str(refused.value)
