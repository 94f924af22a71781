"""How a blocker is named: what an operator reads in the middle of the night."""

import pytest

from orchestrator.databases.observation import Blocker, Observation

SLEEPER = Blocker("connection 12 of app@10.0.0.3", "Sleep, in a transaction", 40.4, "SELECT *\n  FROM plants")
OTHER = Blocker("connection 13 of app@10.0.0.4", "Query", 3.0, "ALTER TABLE plants")
UNSEEN = Blocker("process 14 of admin@local")


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Observation(), ""),
        (Observation("Waiting for table metadata lock", waits_for_lock=True), ""),
        (
            Observation(blockers=[SLEEPER]),
            "connection 12 of app@10.0.0.3 (Sleep, in a transaction for 40 s): SELECT * FROM plants",
        ),
        (
            Observation(blockers=[SLEEPER, OTHER, UNSEEN]),
            "connection 12 of app@10.0.0.3 (Sleep, in a transaction for 40 s) and 2 more: SELECT * FROM plants",
        ),
        (
            Observation(blockers=[OTHER], guessed=True),
            "perhaps connection 13 of app@10.0.0.4 (Query for 3 s): ALTER TABLE plants",
        ),
        (Observation(blockers=[UNSEEN]), "process 14 of admin@local"),
    ],
)
def test_a_blocker_is_named_with_what_is_known_of_it(seen: Observation, words: str) -> None:
    """And nothing is said of what is not known; a guess is called one."""
    assert seen.blocked_by == words


def test_the_seconds_are_those_of_the_one_who_is_named() -> None:
    """Not of the others, and none where nobody is."""
    assert Observation(blockers=[SLEEPER, OTHER]).blocked_seconds == 40.4
    assert Observation().blocked_seconds == 0.0
