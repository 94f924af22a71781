"""A fleet of tasks that start at once against one database, in virtual time, with the orchestrator's own waiting code.

    python -m benchmarks.fleet [--tasks 16,100,1000] [--scenarios at-head,pending,...]
    python -m benchmarks.fleet --calibrate [64]

The second form starts 16 real processes, or as many as are asked for, and prints what they did beside what the
simulation says of as many tasks.
docs/scale.md has the results.
"""

import argparse
import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import looptime

from benchmarks.simulation import calibration
from benchmarks.simulation.costs import Costs
from benchmarks.simulation.server import Server, State
from benchmarks.simulation.task import Task, on
from orchestrator.settings.validation import load_settings

_CORES = 2
_AWAY_SECONDS = 60.0
_SILENT_SECONDS, _CLOSED_SECONDS = 20.0, 10.0


def _up(_now: float) -> State:
    return State.UP


def _refused(now: float) -> State:
    return State.REFUSES if now < _AWAY_SECONDS else State.UP


def _silent(now: float) -> State:
    return State.SILENT if now < _AWAY_SECONDS else State.UP


def _failover(now: float) -> State:
    if now < _SILENT_SECONDS:
        return State.SILENT
    return State.REFUSES if now < _SILENT_SECONDS + _CLOSED_SECONDS else State.UP


@dataclass(frozen=True)
class Scenario:
    """A start of the whole fleet.

    Attributes:
        migration_seconds: how long the pending revisions take; 0: none is pending.
        connections: the server's `max_connections`.
        pool: connections that each serving app opens.
        waits: all but one have ORCHESTRATOR_MIGRATE=false.
        login_seconds: what a login costs a small server; 0: what was calibrated.
    """

    what: str
    state: Callable[[float], State] = _up
    migration_seconds: float = 0.0
    connections: int = 5000
    pool: int = 1
    waits: bool = False
    login_seconds: float = 0.0


SCENARIOS = {
    "at-head": Scenario("all start at head"),
    "pending": Scenario("all start, revisions of 60 s are pending", migration_seconds=60),
    "one-migrates": Scenario("60 s pending, one migrates, the others only wait", migration_seconds=60, waits=True),
    "outage": Scenario("the port is closed for the first 60 s", _refused),
    "silence": Scenario("packets vanish for the first 60 s", _silent),
    "failover": Scenario("20 s of silence, 10 s a closed port, then up", _failover),
    "slow-logins": Scenario("at head, a server that manages 100 logins a second", login_seconds=0.02),
    "few-connections": Scenario("at head, max_connections 341", connections=341, pool=0),
    "few-pending": Scenario("60 s pending, max_connections 341", migration_seconds=60, connections=341, pool=0),
}


def simulate(scenario: Scenario, tasks: int, costs: Costs, *, connect_timeout: str = "") -> tuple[Server, list[Task]]:
    """Run the fleet until all of it serves."""
    given = {"ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": connect_timeout} if connect_timeout else {}
    settings = load_settings({"DATABASE_URL": "mysql+asyncmy://app:x@database/shop", **given})

    if scenario.login_seconds:
        costs = replace(costs, login_seconds=scenario.login_seconds)

    async def whole() -> tuple[Server, list[Task]]:
        server = Server(
            costs,
            cores=_CORES,
            max_connections=scenario.connections,
            migrated=not scenario.migration_seconds,
            state=scenario.state,
        )
        fleet = [
            Task(server, settings, scenario.migration_seconds, scenario.pool, not scenario.waits or number == 0)
            for number in range(tasks)
        ]
        with on(server):
            await asyncio.gather(*(task.run() for task in fleet))
        return server, fleet

    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(start=0)) as runner:
        return runner.run(whole())


def report(scenario: Scenario, tasks: int, costs: Costs, connect_timeout: str = "") -> None:
    """Print what a fleet did."""
    server, fleet = simulate(scenario, tasks, costs, connect_timeout=connect_timeout)
    meter, served = server.meter, sorted(task.served_at for task in fleet)
    lines = meter.total("lines") + costs.lines * tasks
    figures = {
        "first served": f"{served[0]:.1f} s",
        "last served": f"{served[-1]:.1f} s",
        "deaths": sum(task.deaths for task in fleet),
        "attempts": f"{meter.total('attempts')}, {meter.highest('attempts')}/s at most",
        "logins": f"{meter.total('logins')}, {meter.highest('logins')}/s at most",
        "connections at most": meter.peak,
        "refused for too many": meter.total("too many connections"),
        "GET_LOCK": f"{meter.total('GET_LOCK')}, {meter.highest('GET_LOCK')}/s at most",
        "process lists": f"{meter.total('process lists')}, {meter.highest('rows of process lists')} rows/s at most",
        "server busy": f"{meter.busy_seconds:.1f} s of a core",
        "log": f"{lines} lines, {lines * costs.line_bytes / 1e6:.1f} MB, "
        f"{meter.first_minute('lines') / tasks:.0f} waiting lines a task in the first minute",
    }
    print(f"\n{tasks} tasks: {scenario.what}")
    for name, figure in figures.items():
        print(f"  {name:<22} {figure}")


def compare(tasks: int) -> None:
    """Print the work of real processes beside that of as many simulated tasks."""
    for what, seconds in calibration.statements().items():
        print(f"{what:<22} {seconds * 1e6:7.1f} us of the server's processor")
    real = calibration.fleet(tasks, max_connections=500)
    scenario = Scenario("", migration_seconds=calibration.MIGRATION_SECONDS, pool=0)
    server, fleet = simulate(scenario, tasks, Costs())
    meter = server.meter
    rows = {
        "logins": (real.status["Connections"], meter.total("logins")),
        "connections at most": (real.status["peak"], meter.peak),
        "lines": (real.lines, meter.total("lines") + Costs().lines * tasks),
        "bytes a line": (round(real.line_bytes), Costs().line_bytes),
        "recheck, seconds": (round(real.recheck_seconds, 3), Costs().recheck_seconds),
        "last served, seconds": (round(real.last_seconds, 1), round(max(each.served_at for each in fleet), 1)),
    }
    print(f"\n{tasks} tasks, a revision of {calibration.MIGRATION_SECONDS:g} s: real, simulated")
    for name, (ours, theirs) in rows.items():
        print(f"{name:<22} {ours:>8} {theirs:>8}")


def main() -> None:
    """Simulate, or calibrate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", default="16,100,1000", help="joined by commas")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="joined by commas")
    parser.add_argument("--connect-timeout", default="", help="ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--calibrate", type=int, nargs="?", const=16, help="so many real processes beside as many tasks"
    )
    options = parser.parse_args()
    random.seed(options.seed)
    if options.calibrate:
        compare(options.calibrate)
        return
    for name in options.scenarios.split(","):
        for tasks in map(int, options.tasks.split(",")):
            report(SCENARIOS[name], tasks, Costs(), options.connect_timeout)


if __name__ == "__main__":
    main()
