"""Under any fault, each statement of a migration is applied once, and all reports are true.

`make soak` plays new scenarios for some minutes, and `make faults N=200` that many. To repeat a failed one, run `make
faults N=1 SEED=...`, with the number in the test's name.
"""

import itertools
import os

import pytest

from tests.faults.conftest import Play
from tests.faults.dice import dice
from tests.faults.faults import EVERYWHERE
from tests.faults.scenario import Scenario
from tests.servers import BACKENDS

RUNS = int(os.environ.get("ORCHESTRATOR_FAULTS_RUNS") or 20)
SEED = int(os.environ.get("ORCHESTRATOR_FAULTS_SEED") or 1)  # all workers of a run have to draw the same


def _backend(seed: int) -> str:
    return dice("backend", seed).choice(EVERYWHERE)


_SEEDS = itertools.islice((seed for seed in itertools.count(SEED) if _backend(seed) in BACKENDS), RUNS)


@pytest.mark.soak
@pytest.mark.parametrize(("backend", "seed"), [(_backend(seed), seed) for seed in _SEEDS])
async def test_after_any_fault_each_statement_is_applied_once(backend: str, seed: int, play: Play) -> None:
    """Faults, moments, replicas and revisions are chosen at random."""
    await play(Scenario.drawn(str(seed), backend))
