"""What the service refuses before it queries the database."""

from typing import Any

import httpx
import pytest

from app.names import key


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\t\n", "\u00a0\u2003", "\u200b", "\u0301", "a\x00b", "\x1b[2J", "x" * 81, None, 7, ["Rose"]],
)
async def test_an_unreadable_name_is_refused(careful_client: httpx.AsyncClient, name: object) -> None:
    """Blank has many spellings, and a NUL makes PostgreSQL fail instead of us."""
    answer = await careful_client.post("/plants", json={"name": name})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "name"]


@pytest.mark.parametrize(
    "fields",
    [
        {"height_cm": 0},
        {"height_cm": -1},
        {"height_cm": 12_001},
        {"height_cm": 10**30},
        {"height_cm": 1.5},
        {"height_cm": True},
        {"height_cm": "20"},
        {"description": "x" * 2001},
        {"description": "a\x00b"},
        {"description": 7},
        {"tags": "blue"},
        {"tags": ["blue", ""]},
        {"tags": ["blue", " "]},
        {"tags": ["x" * 41]},
        {"tags": ["ﬃ" * 40]},
        {"tags": [str(number) for number in range(21)]},
        {"tags": None},
        {"colour": "blue"},
        {"id": 7},
        {"created_at": "2026-01-01T00:00:00Z"},
        {"name_key": "someone else's"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_field_that_does_not_fit_is_refused(
    careful_client: httpx.AsyncClient, method: str, fields: dict[str, Any]
) -> None:
    """Else the database refuses it, each in its own way, or a typo passes in silence."""
    path, body = ("/plants", {"name": "Rose"} | fields) if method == "POST" else ("/plants/1", fields)
    answer = await careful_client.request(method, path, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", next(iter(fields))]


async def test_a_name_cannot_be_emptied(careful_client: httpx.AsyncClient) -> None:
    """In a PATCH, null empties a field, and a plant needs a name."""
    answer = await careful_client.patch("/plants/1", json={"name": None})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"Rose"',
        b"\xff",
        b'{"name": "\\ud800"}',
        b'{"name": "Rose", "\\ud800": 1}',
        b'{"name": "Rose", "tags": ["\\udfff"]}',
        b'{"name": "Rose", "height_cm": NaN}',
        b'{"name": "Rose", "height_cm": Infinity}',
        b'{"name": "Rose", "height_cm": 1e999}',
        b'{"name": "Rose", "height_cm": ' + b"9" * 5000 + b"}",
        b'{"name": ' + b"[" * 100_000,
    ],
)
async def test_a_body_that_is_not_a_plant_is_the_clients_fault(careful_client: httpx.AsyncClient, body: bytes) -> None:
    """A fuzzer finds these in a minute, and a 500 would wake the person on call."""
    answer = await careful_client.post("/plants", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=many",
        "limit=",
        "offset=-1",
        "offset=1000001",
        "offset=99999999999999999999",
        "q=",
        "q=%20",
        "q=%00",
        "q=" + "x" * 81,
        "tag=",
        "tag=a%00b",
        "limt=5",
    ],
)
async def test_a_query_out_of_bounds_is_refused(careful_client: httpx.AsyncClient, query: str) -> None:
    """A page without a limit is the whole table, and a mistyped parameter would be the wrong answer."""
    answer = await careful_client.get(f"/plants?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "query"


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "1.5", "rose", "%00", "1e3"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_number_that_no_plant_can_have_is_refused(
    careful_client: httpx.AsyncClient, method: str, number: str
) -> None:
    """PostgreSQL's driver raises on what does not fit into its integer."""
    answer = await careful_client.request(method, f"/plants/{number}", json={} if method == "PATCH" else None)
    assert answer.status_code == 422


async def test_what_was_refused_is_not_given_back(careful_client: httpx.AsyncClient) -> None:
    """Data that a client sent by mistake, such as a token, must not end up in a log of responses."""
    answer = await careful_client.post("/plants", json={"name": "Rose", "secret": "hunter2"})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "detail": [{"type": "extra_forbidden", "loc": ["body", "secret"], "msg": "Extra inputs are not permitted"}]
    }


def test_the_longest_name_has_a_key_that_fits() -> None:
    """Folding the case lengthens some letters; the column must hold three for one."""
    assert len(key("ﬃ" * 80)) <= 240
