"""The simulated fleet of docs/scale.md: the orchestrator's own code in virtual time, so it must fit that code."""

import random

import pytest

from benchmarks.fleet import SCENARIOS, Scenario, simulate
from benchmarks.simulation.costs import Costs

CROWDED = Scenario("more tasks than connections", migration_seconds=5, connections=10, pool=0)


@pytest.mark.parametrize("name", ["pending", "one-migrates", "failover", "crowded"])
def test_every_task_of_a_fleet_serves(name: str) -> None:
    """None dies, whatever the database does; a simulation that the code has outgrown would fail here too."""
    scenario = SCENARIOS.get(name, CROWDED)
    random.seed(1)
    server, fleet = simulate(scenario, 16, Costs())
    assert [task.deaths for task in fleet] == [0] * 16
    assert server.meter.peak <= scenario.connections
    assert max(task.served_at for task in fleet) < scenario.migration_seconds + 90
