"""The record of a revision: what is durable, what is replayed, and that an answer comes back as it was."""

import datetime as dt
import decimal
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.results import LARGEST, ResultTooLarge, StatementResult, digest_of
from orchestrator.migrations.journal.statement_log import ChangedError, Outcome, StatementLog, Step

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=5,
)


def _step(sql: str, kind: Kind = Kind.WRITE, outcome: Outcome = Outcome.DONE) -> Step:
    return Step(0, kind, sql, outcome, result=StatementResult(rowcount=1))


def _recorded(*steps: Step) -> StatementLog:
    kept = [
        Step.recorded(each.digest, each.answer, index=n, kind=each.kind, statement=each.statement, outcome=each.outcome)
        for n, each in enumerate(steps, start=1)
    ]
    return StatementLog.of(kept)


@given(st.lists(st.tuples(VALUES, VALUES), max_size=5), st.integers(-1, 10), VALUES)
def test_an_answer_comes_back_as_it_was(rows: list[tuple[object, ...]], rowcount: int, lastrowid: object) -> None:
    """Types included: a revision computes with what it has read."""
    answer = StatementResult([("a", 1), ("b", None)], rows, rowcount, lastrowid)
    again = StatementResult.of(answer.kept())
    assert [tuple(row) for row in again.rows] == rows
    assert (again.rowcount, again.lastrowid) == (rowcount, lastrowid)


@pytest.mark.parametrize("value", ["x" * LARGEST, object()], ids=["large", "strange"])
def test_of_an_answer_that_cannot_be_kept_the_digest_is(value: object) -> None:
    """It is read again, and must then be the same."""
    answer = StatementResult([("a",)], [(value,)], 1)
    with pytest.raises(ResultTooLarge, match=answer.digest()):
        StatementResult.of(answer.kept())


@pytest.mark.parametrize(
    "value", [decimal.Decimal("1.10"), dt.datetime(2026, 11, 22, 20, 9, tzinfo=dt.UTC), uuid.UUID(int=5), b"\xff", ()]
)
def test_values_of_databases_are_kept(value: object) -> None:
    """Not as a digest: the column may be gone when the answer is wanted again."""
    assert StatementResult.of(StatementResult([("a",)], [(value,)], 1).kept()).rows == [[value]]


def test_a_digest_tells_statements_and_parameters_apart() -> None:
    """Where text and parameters meet must not matter."""
    assert len({digest_of("a", None), digest_of("a", ("b",)), digest_of("ab", None), digest_of("a", ("c",))}) == 4


def test_only_what_was_committed_is_left() -> None:
    """A failure before the first commit leaves nothing, and is told so."""
    history = StatementLog()
    history.add(_step("insert"))
    assert not history.left_something
    history.committed()
    assert history.left_something


def test_what_was_rolled_back_is_kept_and_has_left_nothing() -> None:
    """The revision has seen its answer; the next record has to have it."""
    history = StatementLog()
    history.add(_step("insert"))
    history.unsaved()
    history.rolled_back()
    history.committed()
    assert [step.outcome for step in history.unsaved()] == [Outcome.UNDONE]
    assert not history.left_something


def test_reads_and_failures_leave_nothing() -> None:
    """They change nothing, however durable their record is."""
    history = StatementLog()
    history.add(_step("select", Kind.READ))
    history.add(_step("create", Kind.DEFINITION, Outcome.FAILED))
    history.committed()
    assert not history.left_something


def test_recorded_steps_come_in_their_order_and_no_other() -> None:
    """A revision that takes another path is noticed at the first step."""
    one, two = _step("one"), _step("two")
    history = _recorded(one, two)
    assert history.next(one.digest).statement == "one"
    assert history.replaying
    with pytest.raises(ChangedError, match="2"):
        history.next(one.digest)
    assert history.next(two.digest).statement == "two"
    assert not history.replaying


def test_who_starts_over_replays_what_is_durable_and_forgets_the_rest() -> None:
    """The transaction was undone for the sake of another one; what was committed before was not."""
    history = StatementLog()
    history.add(_step("one"))
    history.committed()
    history.add(_step("two"))
    history.start_over()
    assert [step.statement for step in history.steps] == ["one"]
    assert history.replaying


def test_large_answers_are_let_go() -> None:
    """A revision that reads a whole table in parts must not hold it in memory."""
    history = StatementLog()
    step = Step(
        0, Kind.READ, "select", Outcome.DONE, result=StatementResult([("a",)], [(n,) for n in range(1000)], 1000)
    )
    history.add(step)
    assert step.result is None
    assert len(StatementResult.of(step.answer).rows) == 1000


def test_an_outcome_replaces_what_was_written_while_it_was_pending() -> None:
    """The record of a definition is written before it runs, and again after it."""
    step = _step("create", Kind.DEFINITION, Outcome.PENDING)
    step.result = None
    assert step.answer == ""
    step.ended(Outcome.DONE, StatementResult(rowcount=7))
    assert StatementResult.of(step.answer).rowcount == 7
