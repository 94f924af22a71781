"""What `timeline` shows of the lock, of the revisions, and of several starts beside each other."""

import pytest

from orchestrator.timeline import starts
from orchestrator.timeline.phases import Kind
from tests.unit.stories import phases, story
from tests.unit.timelines import Event, drawn, event, failing, known, log, migrating, revision, state


def test_a_lock_that_was_free_is_not_a_wait() -> None:
    """A millisecond to take it is not worth a colour."""
    free = [event("process_started", 0.5), state("migrating", 1), event("lock_acquired", 1.5, waited_seconds=0.001)]
    assert Kind.LOCK not in {phase.kind for phase in story(free).phases}
    taken = [event("process_started", 0.5), state("migrating", 1), event("lock_acquired", 9, waited_seconds=7)]
    assert (Kind.LOCK, 2, 9) in phases(story([*taken, state("serving", 10)]))


def test_the_last_known_holder_is_named() -> None:
    """The last look often comes when it has let go already."""
    (lock,) = [phase for phase in story(migrating()).phases if phase.kind is Kind.LOCK]
    assert lock.details == (f"held by process 7 (orchestrator boot {'a' * 32})", "which ran SELECT 1")


def test_a_holder_that_is_in_the_log_is_named_as_its_lane_is() -> None:
    """So that one sees who waited for whom."""
    holder = [event("process_started", 0.5, boot="a" * 32, task_id="0123456789abcdef"), state("serving", 9)]
    holder[1]["boot_id"] = "a" * 32
    picture = drawn(log([*migrating(), *holder]))
    waits = next(section for section in picture.sections if section.heading == "Longest waits for the lock")
    assert waits.items[0].text == "bbbbbbbb · held by process 7 (01234567) · which ran SELECT 1"


def test_a_revision_shows_its_troubles() -> None:
    """Resumed, made to give way, blocked: why it took so long."""
    about: Event = {"revision": "r1"}
    more = [
        event("revision_resumed", 6.1, **about, statements_skipped=2, interrupted_at="2026-11-22T13:00:00Z"),
        event("revision_retry_scheduled", 6.5, **about, attempt=1, blocked_by="one"),
        event("revision_retry_scheduled", 7.0, **about, attempt=2, blocked_by="another", blocked_by_state="Sleep"),
        event("revision_progress", 7.5, **about, blocked_by="a third"),
    ]
    (found,) = [phase for phase in story([*migrating(), *more]).phases if phase.kind is Kind.REVISION]
    assert found.details == (
        "revision 1 of 1: do r1",
        "3 statements",
        "resumed behind 2 statements, interrupted at 2026-11-22T13:00:00Z",
        "gave way 2 times, blocked by another (Sleep)",
        "blocked by a third",
    )


def test_a_revision_that_did_not_end_lasts_to_the_end() -> None:
    """It is what the start died in."""
    found = story([*migrating()[:8], event("startup_failed", 7.5, exit_code=7)])
    assert phases(found)[-1] == (Kind.REVISION, 6, 7.5)
    assert found.phases[-1].details[-1] == "its end is not in this log"


def test_revisions_of_one_moment_keep_their_order() -> None:
    """Quick ones begin and end in the same millisecond."""
    quick = [each for index in (3, 1, 2) for each in revision(f"r{index}", 6.0, 6.0, index=index)]
    found = story([event("process_started", 0.5), *quick, state("serving", 7)])
    assert [phase.name for phase in found.phases if phase.kind is Kind.REVISION] == ["r1", "r2", "r3"]


def test_very_many_revisions_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of them only must not fill the memory."""
    monkeypatch.setattr(starts, "MAX_REVISION_FACTS", 10)
    lines = [each for index in range(20) for each in revision(f"r{index}", index, index + 1.0, index=index)]
    found = known(log(lines))
    (start,) = found.by_boot_id.values()
    assert (len(start.facts), found.revisions_left_out) == (10, 15)


def test_restarts_of_a_task_stand_together_in_their_order() -> None:
    """Whether a task got through at its third attempt is a question that is asked."""
    who = [("t1", "1", 0), ("t2", "2", 1), ("t1", "3", 5), ("t2", "4", 3), ("t1", "5", 2)]
    lines = [event("process_started", 0.5, boot=boot, began=began, task_id=task) for task, boot, began in who]
    rows = drawn(log(lines)).rows
    assert [row.label for row in rows] == ["t1", "t1 #2", "t1 #3", "t2", "t2 #2"]


def test_lanes_are_named_by_their_differences() -> None:
    """Their common part is in the title, once."""
    both = [*migrating(task_id="1" * 32), *failing(boot_id="c" * 32, task_id="2" * 32)]
    picture = drawn(log(both))
    assert (picture.title, [row.label for row in picture.rows]) == (
        "2 starts of plants 1.4.2",
        ["11111111", "22222222"],
    )
    both = [*migrating(task_id="1" * 32), *failing(boot_id="c" * 32, task_id="2" * 32, version="1.4.3")]
    picture = drawn(log(both))
    assert (picture.title, [row.label for row in picture.rows]) == (
        "2 starts of plants",
        ["11111111 1.4.2", "22222222 1.4.3"],
    )
    alike = ["1" * 31 + "a", "1" * 31 + "b"]
    both = [*migrating(task_id=alike[0]), *failing(boot_id="c" * 32, task_id=alike[1])]
    assert [row.label for row in drawn(log(both)).rows] == alike


def test_of_a_thousand_revisions_the_slowest_and_the_last_are_shown() -> None:
    """The last one may be quick, and the one that failed; the number of others is shown."""
    lines = [each for at in range(999) for each in revision(f"r{at}", at, at + (0.9 if at % 20 else 0.95), index=at)]
    last = event("revision_started", 999.0, revision="r999", index=999)
    picture = drawn(log([*lines, last, event("startup_failed", 999.1, exit_code=7)]))
    told_ = [row.label for row in picture.rows if row.label.startswith("r")]
    assert (len(told_), told_[-1]) == (60, "r999")
    assert {f"r{at}" for at in range(0, 999, 20)} <= set(told_)
    assert picture.remarks == ("Only the slowest 60 of 1,000 revisions have a row.",)
