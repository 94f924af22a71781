"""The trace of a request, which connects its line with those of proxies and other services.

Headers: `traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header), and `X-Amzn-Trace-Id`, which an
Application Load Balancer adds to every request (elasticloadbalancing/latest/application/load-balancer-request-tracing).
"""

import re
from collections.abc import Iterable

from orchestrator.patterns import pattern

_TRACEPARENT = pattern(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_ROOT = pattern(rb"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})\s*(?:;|$)", re.IGNORECASE)


def trace_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id in `traceparent`, or the root in `X-Amzn-Trace-Id`; empty without a valid one.

    Args:
        headers: As in ASGI, with names in lower case.
    """
    root = b""
    for name, value in headers:
        if name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            return found[1].decode()
        if name == b"x-amzn-trace-id" and (found := _ROOT.search(value)):
            root = found[1]
    return root.decode()
