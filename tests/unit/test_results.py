"""What a database answered comes back from the record as it was: values of all drivers, and their errors."""

import datetime as dt
import decimal
import json
import math
import sqlite3
import uuid
from typing import Any

import asyncmy.errors
import hypothesis
import psycopg2
import pymysql
import pytest
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi

from orchestrator.migrations.journal.results import LARGEST, ResultTooLarge, StatementResult, kept_error
from orchestrator.migrations.upgrade.applying import _revived

ASYNCPG: Any = AsyncAdapt_asyncpg_dbapi


def _again(*row: object) -> tuple[object, ...]:
    """Return a row that was kept."""
    (found,) = StatementResult.of(StatementResult([("a", 1)], [row], 1).kept()).rows
    return tuple(found)


@pytest.mark.parametrize(
    "value",
    [
        True,
        2**70,
        -0.0,
        math.inf,
        1e-320,
        "\x00 \ud800 🌳 % ' \" \\ \n",
        b"\x00\xff",
        decimal.Decimal("1.10"),
        decimal.Decimal("-0E+3"),
        dt.datetime(1, 1, 1),  # noqa: DTZ001 - as DATETIME comes
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=dt.timezone(-dt.timedelta(hours=3, minutes=30))),
        dt.date.max,
        dt.time(23, 59, 59, 999_999),
        -dt.timedelta(hours=838, minutes=59, seconds=59),
        uuid.UUID(int=1),
        [1, [None, ("x",)], b""],
        {},
    ],
)
def test_a_value_is_the_same_to_the_type(value: object) -> None:
    """A revision that computes with it must take the same path; an unknown type is read again instead."""
    if isinstance(value, dict):
        with pytest.raises(ResultTooLarge):
            _again(value)
        return
    (found,) = _again(value)
    assert (type(found), repr(found)) == (type(value), repr(value))


def test_not_a_number_comes_back_as_such() -> None:
    """JSON has no word for it, but Python's has."""
    (found, number) = _again(math.nan, decimal.Decimal("NaN"))
    assert isinstance(found, float)
    assert math.isnan(found)
    assert str(number) == "NaN"


class Name(str):
    """A type of somebody's own, as converters of a driver make it."""

    __slots__ = ()


@pytest.mark.parametrize("value", [Name("x"), memoryview(b"x"), frozenset(), object])
def test_types_that_cannot_be_written_down_are_read_again(value: object) -> None:
    """To give back another type would be to guess."""
    with pytest.raises(ResultTooLarge):
        _again(value)


def test_what_is_just_small_enough_is_kept() -> None:
    """And one character more is not."""
    room = LARGEST - len(StatementResult([("a",)], [("",)], 1).kept())
    assert len(StatementResult([("a",)], [("x" * room,)], 1).kept()) == LARGEST
    StatementResult.of(StatementResult([("a",)], [("x" * room,)], 1).kept())
    with pytest.raises(ResultTooLarge):
        StatementResult.of(StatementResult([("a",)], [("x" * (room + 1),)], 1).kept())


def test_the_digest_depends_on_every_row() -> None:
    """On the values, their types and their order."""
    rows: list[Any] = [[(1,), (2,)], [(2,), (1,)], [("1",), (2,)], [(1, 2)], [(1,)], []]
    assert len({StatementResult(None, each).digest() for each in rows}) == len(rows)
    assert StatementResult(None, [[1]]).digest() == StatementResult(None, [(1,)]).digest()


@pytest.mark.parametrize(
    ("dbapi", "error"),
    [
        (pymysql, pymysql.err.IntegrityError(1062, "Duplicate entry 'é' for key 'PRIMARY'")),
        (asyncmy.errors, asyncmy.errors.OperationalError(1050, "Table 'plants' already exists")),
        (sqlite3, sqlite3.OperationalError("no such table: nothing")),
        (psycopg2, psycopg2.ProgrammingError('relation "nothing" does not exist')),
        (ASYNCPG(None), ASYNCPG.IntegrityError("duplicate key value", None)),
    ],
    ids=lambda value: type(value).__module__ if isinstance(value, Exception) else "",
)
def test_an_error_is_raised_again_as_it_was(dbapi: Any, error: Exception) -> None:
    """A revision that gets over it tells it by its class, its code or its text."""
    again = _revived(dbapi, kept_error(error))
    assert (type(again), again.args) == (type(error), error.args)


def test_an_error_of_an_unknown_class_is_one_of_the_driver() -> None:
    """SQLAlchemy wraps no other, and a revision would not catch it."""
    assert isinstance(_revived(pymysql, json.dumps(["Strange", ["words"]])), pymysql.Error)
    assert isinstance(_revived(pymysql, json.dumps(["connect", []])), pymysql.Error)


@hypothesis.given(st.text(), st.lists(st.none() | st.integers() | st.text() | st.binary() | st.floats()))
def test_any_error_can_be_kept(name: str, arguments: list[object]) -> None:
    """What comes out of it can be raised."""
    kept = json.dumps([name, json.loads(kept_error(pymysql.OperationalError(*arguments)))[1]])
    assert isinstance(_revived(pymysql, kept), pymysql.Error)
