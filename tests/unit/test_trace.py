"""A request's line has its trace, which finds the lines of proxies and other services for the same request."""

import pytest

from orchestrator.serving.trace import trace_id

W3C, ROOT = "4bf92f3577b34da6a3ce929d0e0e4736", "1-67891233-abcdef012345678912345678"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], ""),
        ([("traceparent", f"00-{W3C}-00f067aa0ba902b7-01")], W3C),
        ([("traceparent", f"cc-{W3C}-00f067aa0ba902b7-01-what-the-future-brings")], W3C),
        ([("x-amzn-trace-id", f"Root={ROOT}")], ROOT),
        ([("x-amzn-trace-id", f"Self=1-67891234-12456789abcdef012345678;Root={ROOT};Sampled=1")], ROOT),
        ([("x-amzn-trace-id", f"Root={ROOT}"), ("traceparent", f"00-{W3C}-00f067aa0ba902b7-00")], W3C),
        ([("traceparent", "nonsense"), ("x-amzn-trace-id", f"Root={ROOT}")], ROOT),
        ([("traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01")], ""),
        ([("traceparent", f"00-{W3C}-{'0' * 16}-01")], ""),
        ([("traceparent", f"ff-{W3C}-00f067aa0ba902b7-01")], ""),
        ([("traceparent", f"00-{W3C.upper()}-00f067aa0ba902b7-01")], ""),
        ([("x-amzn-trace-id", 'Root="x"; anything {"event": "x"}')], ""),
        ([("x-amzn-trace-id", f"NotRoot={ROOT}")], ""),
    ],
)
def test_the_trace_of_a_request_is_the_one_in_its_headers(headers: list[tuple[str, str]], expected: str) -> None:
    """An invalid trace id is not written at all: any client may send the headers."""
    assert trace_id([(name.encode(), value.encode()) for name, value in headers]) == expected
