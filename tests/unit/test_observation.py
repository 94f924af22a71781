"""How a blocker is named: what an operator reads in the middle of the night."""

import pytest

from orchestrator.databases.observation import Blocker, Observation

SLEEPER = Blocker("connection 12 of app@10.0.0.3", "Sleep, in a transaction", 40.4, "SELECT *\n  FROM plants")
OTHER = Blocker("connection 13 of app@10.0.0.4", "Query", 3.0, "ALTER TABLE plants")
UNSEEN = Blocker("process 14 of admin@local")


@pytest.mark.parametrize(
    ("seen", "state", "statement"),
    [
        (Observation(), "", ""),
        (Observation("Waiting for table metadata lock", waits_for_lock=True), "", ""),
        (Observation(blockers=[SLEEPER]), "Sleep, in a transaction", "SELECT * FROM plants"),
        (Observation(blockers=[SLEEPER, OTHER, UNSEEN]), "Sleep, in a transaction; one of 3", "SELECT * FROM plants"),
        (Observation(blockers=[OTHER], guessed=True), "Query; only likely", "ALTER TABLE plants"),
        (Observation(blockers=[UNSEEN]), "", ""),
    ],
)
def test_a_blocker_is_named_with_all_known_facts(seen: Observation, state: str, statement: str) -> None:
    """What changes while it blocks is not in its name, so that a query finds one row for it; a guess is called one."""
    assert seen.blocked_by == (seen.blockers[0].name if seen.blockers else "")
    assert (seen.blocked_by_state, seen.blocked_by_statement) == (state, statement)


def test_the_seconds_are_those_of_the_one_who_is_named() -> None:
    """Not those of the others, and none without a blocker."""
    assert Observation(blockers=[SLEEPER, OTHER]).blocked_seconds == 40.4
    assert Observation().blocked_seconds == 0.0
