"""A start as one row of `timeline`: its phases, their times, and its outcome, even if some events are missing."""

import itertools
import random
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import Failure
from orchestrator.events import CATALOGUE
from orchestrator.timeline import starts
from orchestrator.timeline.phases import End, Kind
from tests.unit.stories import phases, story
from tests.unit.timelines import BEGAN, drawn, event, failing, known, log, migrating, state, told


def test_a_start_is_a_row_of_phases_from_its_beginning_to_its_end() -> None:
    """Each second belongs to what the start was busy with."""
    found = story(migrating())
    assert phases(found) == [
        (Kind.PROCESS, 0, 0.5),
        (Kind.WAITING, 0.5, 1),
        (Kind.APP, 1, 1.5),
        (Kind.MIGRATING, 1.5, 2),
        (Kind.LOCK, 2, 5),
        (Kind.MIGRATING, 5, 6),
        (Kind.REVISION, 6, 8),
        (Kind.MIGRATING, 8, 9),
        (Kind.APP, 9, 10),
        (Kind.SERVING, 10, 20),
        (Kind.DRAINING, 20, 22),
    ]
    assert (found.end, found.ended, found.serving_after, found.failure) == (End.STOPPED, 22, 10, None)
    assert found.app_load is not None
    assert (found.app_load.began, found.app_load.ended) == (0.75, 1.5)


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_the_lines_does_not_matter(seed: int) -> None:
    """Logs Insights gives the last one first, and several streams are anyhow mixed."""
    shuffled = migrating() * 2
    random.Random(seed).shuffle(shuffled)  # noqa: S311  # the same ones in each run
    assert phases(story(shuffled)) == phases(story(migrating()))
    assert drawn(log(shuffled)) == drawn(log(migrating()))


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_start_begins_when_its_first_line_says_so(newest_first: bool) -> None:  # noqa: FBT001  # drawn
    """The clock may be set meanwhile: the line nearest to the beginning knows best, wherever it stands in the file."""
    lines = [event(each["event"], each["elapsed_seconds"], began=each["elapsed_seconds"] * 100) for each in migrating()]
    (found,) = known(log(lines[::-1] if newest_first else lines)).by_boot_id.values()
    assert found.began == BEGAN.timestamp() + 0.5 * 100
    assert (found.seen_from, found.seen_until) == (0.5, 22)
    waited = found.fact("lock_waiting")
    assert waited is not None
    assert (waited.first, waited.last) == (2.25, 4.5)


@given(st.sets(st.sampled_from(range(len(migrating()))), min_size=1))
def test_with_any_lines_missing_no_phases_overlap(kept: set[int]) -> None:
    """A log is cut by time, by rotation, by a reader's patience."""
    found = story([migrating()[index] for index in sorted(kept)])
    assert all(phase.began <= phase.ended for phase in found.phases)
    assert all(one.ended <= other.began for one, other in itertools.pairwise(found.phases))


def test_a_failed_start_shows_cause_and_cure() -> None:
    """Which is what the log is opened for."""
    found = story(failing())
    assert phases(found) == [(Kind.PROCESS, 0, 0.5), (Kind.WAITING, 0.5, 3)]
    assert found.failure is not None
    told_ = found.failure
    assert (told_.exit_code, told_.event) == (4, "database_unreachable")
    assert (told_.cause, told_.hint) == ("Not ready in 2.5 s: No route", "Look at it.")
    assert found.phases[-1].details == ("2 attempts failed; the last: No route",)


def test_the_failure_is_known_from_either_of_its_events() -> None:
    """A filter by name, or a log that is cut, leaves but one of them."""
    (told_,) = [found.failure for found in told(log([failing()[-1]]))]
    assert told_ is not None
    assert (told_.exit_code, told_.event) == (4, "database_unreachable")
    (told_,) = [found.failure for found in told(log(failing()[:4]))]
    assert told_ is not None
    assert (told_.exit_code, told_.event, told_.cause) == (4, "database_unreachable", "No route")


def test_every_failure_of_the_catalogue_ends_a_start() -> None:
    """A new one must not be drawn as if the start continued."""
    names = {kind.name for kind in CATALOGUE.values() if issubclass(kind, Failure)} - {"database_ahead"}
    assert {name: story([event(name, 1.0)]).end for name in names} == dict.fromkeys(names, End.FAILED)


def test_being_ahead_on_purpose_is_not_a_failure() -> None:
    """The same event is a warning where the image serves all the same."""
    found = story([event("database_ahead", 1.0, level="warning"), state("serving", 2.0)])
    assert (found.end, found.failure) == (End.OPEN, None)


def test_a_run_ends_where_its_command_begins() -> None:
    """The program's later work is not in our log: the lane is closed, and not drawn as if it was killed."""
    became = [*migrating()[:11], event("command_started", 9.5, command="gunicorn app.main:app")]
    found = story(became)
    assert (found.end, found.ended, found.failure) == (End.REPLACED, 9.5, None)
    assert found.outcome == "became its command after 9.5 s"
    assert not drawn(log(became)).rows[-1].bars[-1].open
    many = [*became, *failing(boot_id="c" * 32)]
    assert "1 became their command, 1 failed" in drawn(log(many)).subtitle
    assert End.REPLACED in {row.end for row in drawn(log(many)).rows}


def test_a_start_without_an_end_is_open_at_its_last_line() -> None:
    """It still runs, or was killed: the log does not show which, and neither does the picture."""
    found = story([*migrating()[:-4], event("request", 17.0), event("log", 16.0)])
    assert (found.end, found.ended, found.phases[-1].kind) == (End.OPEN, 17.0, Kind.SERVING)
    row = drawn(log(migrating()[:12])).rows[-1]
    assert row.bars[-1].open
    assert row.end is End.OPEN


def test_a_start_that_ended_at_once_has_a_phase_all_the_same() -> None:
    """Or its lane would be empty, and its end nowhere."""
    assert phases(story([event("settings_invalid", 0.0)])) == [(Kind.PROCESS, 0, 0)]


def test_one_start_is_shown_phase_by_phase() -> None:
    """With room for what each of them knows."""
    picture = drawn(log(migrating()))
    assert picture.title == f"plants 1.4.2 · boot {'b' * 32}"
    assert [row.label for row in picture.rows] == [
        "process starts",
        "waits for the database",
        "import of app.main:app",
        "waits for the app",
        "migrates",
        "waits for the lock",
        "migrates",
        "r1",
        "migrates",
        "waits for the app",
        "serves",
        "drains",
    ]
    assert picture.rows[7].note == "2.0 s, from 6.0 s"


def test_starts_that_failed_alike_are_reported_once() -> None:
    """Two hundred tasks with one cause have one cause."""
    alike = [each for index in range(9) for each in failing(boot_id=f"{index}" * 32)]
    (failed,) = [section for section in drawn(log(alike)).sections if section.heading == "Failed"]
    (item,) = failed.items
    assert item.head == "exit 4 database_unreachable"
    assert item.text == "9 starts: 00000000, 11111111, 22222222, 33333333 and 5 more"
    assert item.more == ("Not ready in 2.5 s: No route", "→ Look at it.")


def test_drawn_events_are_in_the_catalogue() -> None:
    """Otherwise a renamed event or field would silently vanish from the picture."""
    known_fields = {name: {each.name for each in fields(kind)} for name, kind in CATALOGUE.items()}
    assert {name: kept for name, kept in starts.KEPT.items() if not set(kept) <= known_fields[name]} == {}
