"""How long a holder of the lock is waited for: as long as it provably gets on."""

import pytest

from orchestrator.databases import Activity, Holder
from orchestrator.migrations.upgrade.wait_budget import WaitBudget

LONG = 3600


def _wait(*looks: tuple[float, Holder, str], total: float | None = None) -> tuple[float, str]:
    """Look at a holder at these moments, the last one again and again; returns when it was given up, and why."""
    budget = WaitBudget(stuck_seconds=60, total_seconds=total, now=0)
    now = 0.0
    for moment, holder, record in looks:
        now = moment
        budget.look(holder, record, now)
        if reason := budget.spent(now):
            return now, reason
    while now < LONG:
        now += budget.pause_seconds
        _, last, record = looks[-1]
        budget.look(Holder(last.name, last.statement, last.seconds + now - looks[-1][0], last.activity), record, now)
        if reason := budget.spent(now):
            return now, reason
    return now, ""


def _holder(activity: Activity, seconds: float = 0, name: str = "connection 7") -> Holder:
    return Holder(name, "ALTER TABLE plants", seconds, activity)


def test_a_running_statement_is_waited_for_without_limit() -> None:
    """A table of a billion rows is altered for hours, and the deployment that gave up would be rolled back for it."""
    assert _wait((0, _holder(Activity.RUNNING), "")) == (LONG, "")


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        (Activity.IDLE, "has run no statement for 6"),
        (Activity.GONE, "its client is gone"),
        (Activity.UNKNOWN, "does not show"),
    ],
)
def test_what_does_nothing_is_given_up_after_the_budget(activity: Activity, words: str) -> None:
    """An idle connection, a dead client, or an unknown holder; the reason is reported."""
    seconds, reason = _wait((0, _holder(activity), ""))
    assert 60 <= seconds <= 70
    assert words in reason


def test_short_statements_between_two_looks_are_seen() -> None:
    """It idles at each look, but never for as long as the pause between them."""
    looks = [(float(now), _holder(Activity.IDLE, seconds=2), "") for now in range(0, 300, 5)]
    seconds, _ = _wait(*looks)
    assert seconds >= 295 + 55


@pytest.mark.parametrize("what", ["journal", "holder"])
def test_another_record_or_another_holder_is_progress(what: str) -> None:
    """The journal shows the progress of a holder whose statements are hidden; the next holder has its own time."""
    looks = [
        (
            float(now),
            _holder(Activity.UNKNOWN, name=f"connection {now}" if what == "holder" else "connection 7"),
            str(now) if what == "journal" else "",
        )
        for now in range(0, 300, 50)
    ]
    seconds, _ = _wait(*looks)
    assert seconds >= 250 + 60


def test_the_absolute_limit_counts_all_time() -> None:
    """It has no default."""
    seconds, reason = _wait((0, _holder(Activity.RUNNING), ""), total=100)
    assert 100 <= seconds <= 110
    assert "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS" in reason


def test_a_limit_is_over_at_its_last_moment() -> None:
    """Both limits: with whole seconds a wait of exactly the limit is common."""
    budget = WaitBudget(stuck_seconds=60, total_seconds=100, now=1000)
    budget.look(_holder(Activity.RUNNING), "", 1050)
    assert budget.spent(1099.9) == ""
    assert budget.spent(1100) == "still makes progress, but ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS is over"
    assert budget.spent(1110) == "made no progress for 60.0 s: its statement has just begun"


@pytest.mark.parametrize(("idle", "progressing"), [(5.9, True), (6.0, False)])
def test_whole_seconds_are_not_taken_for_rest(idle: float, *, progressing: bool) -> None:
    """MySQL counts whole seconds: idle for 5 s at a look after 5 s may have begun after the look before."""
    budget = WaitBudget(stuck_seconds=60, total_seconds=None, now=0)
    budget.look(_holder(Activity.IDLE), "", 10)
    budget.look(_holder(Activity.IDLE, seconds=idle), "", 15)
    assert budget.progressing is progressing
