"""The time axis: in order, in full where something happens, and with round moments on it."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.timeline.axis import Axis, axis

MOMENTS = st.floats(0, 3e8) | st.floats(0, 100)
STRETCHES = st.tuples(MOMENTS, MOMENTS).map(lambda pair: (min(pair), max(pair)))
AXES = st.builds(axis, st.lists(STRETCHES, max_size=20), MOMENTS)


@given(AXES, st.lists(MOMENTS))
def test_a_later_moment_never_stands_before_an_earlier_one(drawn: Axis, moments: list[float]) -> None:
    """However much of the time is cut."""
    places = [drawn.position(moment) for moment in sorted(moments)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 + 1e-9 for place in places)
    assert drawn.position(0) == 0
    assert abs(drawn.position(drawn.ended) - 1) < 1e-9


@given(AXES)
def test_pieces_follow_each_other_without_a_gap(drawn: Axis) -> None:
    """Or a bar would be torn."""
    assert all(one.ended == other.began and one.right == other.left for one, other in itertools.pairwise(drawn.pieces))
    assert (drawn.pieces[0].began, drawn.pieces[0].left) == (0, 0)


@given(AXES, st.integers(1, 20))
def test_ticks_are_few_and_in_order(drawn: Axis, about: int) -> None:
    """A million of them would be drawn one over the other."""
    ticks = list(drawn.ticks(about))
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})
    assert len(ticks) <= 3 * about + 2 * len(drawn.pieces)


def test_days_of_serving_do_not_hide_seconds_of_starting() -> None:
    """A start of 20 s, three days later a drain of 2 s: both are seen."""
    drawn = axis([(0, 20), (259_200, 259_202)], 259_202)
    assert [(piece.began, piece.ended, piece.quiet) for piece in drawn.pieces] == [
        (0, 20, False),
        (20, 259_200, True),
        (259_200, 259_202, False),
    ]
    assert drawn.position(20) > 0.8
    assert drawn.position(259_200) < 0.95


def test_short_text_is_not_cut() -> None:
    """Three quiet seconds among twenty busy ones are drawn as they were."""
    assert len(axis([(0, 10), (13, 23)], 23).pieces) == 1


def test_many_cuts_leave_room_for_what_lies_between() -> None:
    """A task that restarts once an hour all week."""
    drawn = axis([(hour * 3600, hour * 3600 + 5) for hour in range(168)], 168 * 3600)
    assert sum(piece.right - piece.left for piece in drawn.pieces if not piece.quiet) > 0.6


def test_labels_are_as_exact_as_their_distance() -> None:
    """0.2 s and 0.4 s, but not 300.2 s; hours do not hide the seconds between them."""
    assert [tick.label for tick in axis([(0, 1)], 1).ticks(5)] == ["0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s"]
    assert [tick.label for tick in axis([(0, 95)], 95).ticks(4)] == ["0 s", "30 s", "1 min", "1 min 30 s"]
    assert [tick.label for tick in axis([(0, 9000)], 9000).ticks(3)] == ["0 s", "1 h", "2 h"]
    late = axis([(0, 20), (100_000, 100_020)], 100_020)
    assert [tick.label for tick in late.ticks(4)] == [
        "0 s",
        "10 s",
        "20 s",
        "1 d 3:46:40",
        "1 d 3:46:50",
        "1 d 3:47:00",
    ]
