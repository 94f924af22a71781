"""Any exception as text: the traceback is in the line, with its end, which names the exception."""

import sys
import traceback
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from orchestrator.log.redaction import REDACTOR
from tests.unit.records import parsed, raised, record

MANY = 10_000


def told(error: BaseException) -> str:
    """The field `exception` of a line."""
    text: str = parsed(record("failed", error=error))["exception"]
    return text


def chain(link: str) -> BaseException:
    """Ten thousand exceptions, each the cause or the context of the next."""
    error: BaseException = ValueError("the first")
    for number in range(MANY):
        following = raised(ValueError(f"number {number}"))
        setattr(following, link, error)
        error = following
    return error


def nested() -> BaseException:
    """Groups within groups."""
    error: Exception = ValueError("the innermost")
    for _ in range(MANY):
        error = ExceptionGroup("group", [error])
    return error


def circle() -> BaseException:
    """Two that are each other's cause."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def descended(frames: int) -> BaseException:
    """A traceback of as many frames, no two alike next to each other."""

    def down(left: int) -> float:
        return up(left - 1) if left else 1 / 0

    def up(left: int) -> float:
        return down(left - 1) if left else 1 / 0

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(frames + 1_000)
    try:
        down(frames)
    except ZeroDivisionError as error:
        return error
    finally:
        sys.setrecursionlimit(limit)
    raise AssertionError


def noted(notes: Any) -> BaseException:
    """An exception with these notes."""
    error = ValueError("with notes")
    error.__dict__["__notes__"] = notes
    return error


ERRORS: dict[str, Callable[[], BaseException]] = {
    "causes": lambda: chain("__cause__"),
    "contexts": lambda: chain("__context__"),
    "a wide group": lambda: ExceptionGroup("wide", [ValueError(str(number)) for number in range(MANY)]),
    "nested groups": nested,
    "a circle": circle,
    "its own cause": lambda: _caused(error := ValueError("own"), error),
    "a deep traceback": lambda: descended(5_000),
    "notes without end": lambda: noted(["a note"] * 100_000),
    "a huge note": lambda: noted(["x" * 1_000_000]),
    "notes that are none": lambda: noted(5),
    "a note that is none": lambda: noted([object()]),
    "a syntax error": lambda: SyntaxError("wrong", ("f.py", 1, 10**9, "x" * 1_000_000, 2, -5)),
    "a syntax error of another kind": lambda: SyntaxError("wrong", ("f.py", "1", None, 5)),  # type: ignore[arg-type]  # odd
    "a syntax error with nothing": lambda: SyntaxError(None),
    "bytes that are no text": lambda: UnicodeDecodeError("utf-8", b"\xff" * 1_000_000, 0, 1, "odd\udcff\n\x00"),
    "a name that is not known": lambda: NameError("x", name="y" * 1_000_000),
    "an attribute that is not there": lambda: AttributeError("x", name="a", obj=object()),
    "an exit": lambda: SystemExit({"code": 1}),
    "an interrupt": KeyboardInterrupt,
    "no words": ValueError,
    "too many words": lambda: ValueError(*["words"] * 100_000),
    "a number too long to print": lambda: ValueError(10**5000),
}


@pytest.mark.parametrize("name", ERRORS)
def test_any_exception_is_shown(name: str) -> None:
    """Nothing about it keeps the line from being one, or makes its end depend on its size."""
    error = ERRORS[name]()
    text = told(error)
    assert type(error).__name__ in text
    assert "no traceback" not in text or name == "a syntax error of another kind"


def test_the_end_of_a_long_traceback_is_kept() -> None:
    """It names the exception; the beginning shows where it began; the gap is marked."""
    text = told(descended(900))
    assert text.startswith("Traceback (most recent call last):\n")
    assert "\n… (cut)\n" in text
    assert text.endswith("ZeroDivisionError: division by zero")
    assert parsed(record("failed", error=descended(900)))["truncated"] == ["exception"]


def test_a_secret_at_the_cut_is_not_shown_in_part() -> None:
    """A long text is cut before it is cleaned, to save time: no part of the secret is left, at any cut."""
    secret = "hunter2-correct-horse"
    REDACTOR.register([secret])
    try:
        for before in range(15_970, 16_010):
            text = told(ValueError(f"{'x' * before}{secret}\n" + "line of it\n" * 10_000 + secret))
            assert not any(secret[: size + 4] in text for size in range(len(secret) - 4))
            assert text.endswith("***")
    finally:
        REDACTOR.forget([secret])


@pytest.mark.parametrize("given", [True, (None, None, None), (1, 2), (), "text", (ValueError, ValueError("x"), None)])
def test_a_value_given_as_an_exception_may_be_something_else(given: Any) -> None:
    """`logger.error(.., exc_info=True)` outside of a handler has no exception, and `NoneType: None` must not appear."""
    made = record("words")
    made.exc_info = given
    fields = parsed(made)
    assert fields["message"] == "words"
    assert ("exception" in fields) == (given != () and isinstance(given, tuple) and given[0] is ValueError)


def test_an_exception_that_is_handled_is_found() -> None:
    """`exc_info=True` as structlog hands it on."""
    try:
        raise ValueError("handled")  # noqa: TRY301  # here it is to be handled
    except ValueError:
        made = record("words")
        made.exc_info = True  # type: ignore[assignment]  # as a foreign record may have it
        assert parsed(made)["exception"].endswith("ValueError: handled")


class EvilError(Exception):
    """Each of its parts fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: ExceptionGroup("group", [error])])
def test_an_exception_whose_parts_fail_is_shown_as_far_as_possible(wrap: Callable[[Exception], Exception]) -> None:
    """Not every one is a good one."""
    made = record("words")
    made.exc_info = (EvilError, wrap(EvilError()), None)
    fields = parsed(made)
    assert fields["message"] == "words"
    assert "exception" in fields


leaves = st.builds(ValueError, st.text(), st.integers() | st.binary()) | st.builds(OSError, st.integers(), st.text())


@hypothesis.given(
    st.recursive(
        leaves,
        lambda inner: (
            st.builds(ExceptionGroup, st.text(), st.lists(inner, min_size=1, max_size=5))
            | st.builds(lambda error, cause: error.with_traceback(None) and _caused(error, cause), leaves, inner)
        ),
        max_leaves=20,
    )
)
def test_any_tree_of_exceptions_is_shown(error: Exception) -> None:
    """As the standard library does; its last line is there, unless the words themselves are cut."""
    last = traceback.format_exception_only(error)[-1].encode(errors="backslashreplace").decode()
    text = told(error)
    assert REDACTOR.text(last).strip()[-100:] in text or isinstance(error, ExceptionGroup)


def _caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error
