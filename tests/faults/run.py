"""One run: faults strike while a tree is applied, and processes are started again until it is."""

import asyncio

import pytest

from tests.faults import sessions
from tests.faults.arena import Arena
from tests.faults.invariants import check_reports, check_start, failed_in_a_revision, refuses
from tests.faults.scenario import Outcome, Scenario
from tests.faults.snapshot import Snapshot, at, differences, journalled, snapshot
from tests.harness import Orchestrator

START_SECONDS = 45
"""By when a process has ended, whatever happens: it may wait 20 s for one thing, and 20 s for another."""

_MOST_STARTS = 12  # per replica
_MOST_BYTES = 600  # after the ledger's line: a few more statements, and their results
_SETTLED_SECONDS = 10  # by when the server has noticed that a client is gone


class Run:
    """A run of a scenario in an arena.

    Args:
        expected: The content of the database after each revision without interference.
    """

    def __init__(self, scenario: Scenario, arena: Arena, expected: dict[str, Snapshot]) -> None:
        self.outcome = Outcome(scenario.backend)
        self._scenario, self._arena, self._expected = scenario, arena, expected
        self._calm = asyncio.Event()  # no fault strikes now
        self._calm.set()
        self._to_come = [strike.fault.name for strike in scenario.strikes]

    async def play(self) -> Outcome:
        """Run the scenario and return its outcome.

        A violated condition fails the test, with all output in the message.
        """
        violations: tuple[Exception, ...] = ()
        try:
            await self._play()
            await self._judge()
        except* Exception as errors:  # noqa: BLE001 - whatever it was, the story explains it
            violations = errors.exceptions
        if violations:
            pytest.fail("\n".join([*map(repr, violations), self._story()]), pytrace=False)
        return self.outcome

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as group:
            striking = group.create_task(self._strike_all())
            await asyncio.sleep(0)  # so that the first fault is on the watch
            await asyncio.wait([group.create_task(self._replica()) for _ in range(self._scenario.replicas)])
            await self._calm.wait()
            striking.cancel()  # what has not struck comes too late

    # ------------------------------------------------------------ faults

    async def _strike_all(self) -> None:
        for strike in self._scenario.strikes:
            await self._arena.reach(strike.mark, strike.then, strike.then_bytes)
            self._calm.clear()
            try:
                await strike.fault.strike(self._arena)
                await self._arena.flow()
            finally:
                self._calm.set()
            self._to_come.remove(strike.fault.name)
            self.outcome.struck.append(strike.fault.name)

    # ------------------------------------------------------------ processes

    async def _replica(self) -> None:
        """Start a process again until one has done its work, as ECS does."""
        for _ in range(_MOST_STARTS):
            over = not self._to_come
            async with self._arena.process() as process:
                code = await process.exit_code(within=START_SECONDS)
            self.outcome.starts += 1
            check_start(process, code)
            if code == 0 and not process.find("stop_requested"):
                return
            if refuses(process):
                self._refused(process)
                return
            assert not over, f"exit code {code} although nothing was in its way"
            if self._scenario.replicas == 1 and failed_in_a_revision(process):
                await self._left_nothing()
        raise AssertionError(f"not done after {_MOST_STARTS} starts")

    def _refused(self, process: Orchestrator) -> None:
        assert self._scenario.tree.may_refuse, f"refused: {process.events[-1]['error_message']}"
        self.outcome.refused = True

    async def _left_nothing(self) -> None:
        """Check a claim to have left nothing: the database has the content of the previous revision."""
        await self._calm.wait()
        left: list[str] = []

        def nothing() -> bool:
            found = snapshot(self._arena.database)
            left[:] = differences(self._expected[at(found)], found)
            return not left

        assert await self._arena.until(nothing, _SETTLED_SECONDS), f"migration_failed, but it left something: {left}"

    # ------------------------------------------------------------ the end

    async def _judge(self) -> None:
        arena = self._arena
        self.outcome.again = self.outcome.starts > self._scenario.replicas
        self.outcome.missed = self._to_come
        self.outcome.interrupted = sum(bool(each.find("migration_interrupted")) for each in arena.starts)
        self.outcome.resumed = sum(bool(each.find("revision_resumed")) for each in arena.starts)
        check_reports(arena.starts, list(self._expected))
        if self.outcome.refused:
            await self._stays_refused()
        else:
            head = list(self._expected)[-1]
            wrong = differences(self._expected[head], snapshot(arena.database))
            assert not wrong, f"not what undisturbed it would be: {wrong}"
            finished, statements = journalled(arena.database)
            assert (finished, statements) == ({*self._expected} - {"base"}, 0), "the journal is not complete"
        if arena.server:
            with arena.session() as other:
                gone = await arena.until(lambda: not sessions.of_database(arena, other), _SETTLED_SECONDS)
            assert gone, "sessions were left in the database"

    async def _stays_refused(self) -> None:
        """It changes nothing any more."""
        before = snapshot(self._arena.database)
        for _ in range(2):
            async with self._arena.process() as process:
                code = await process.exit_code(within=START_SECONDS)
            check_start(process, code)
            assert refuses(process), f"refused, and then exit code {code}"
        changed = differences(before, snapshot(self._arena.database))
        assert not changed, f"refused, and yet changed: {changed}"

    def _story(self) -> str:
        scenario, tree = self._scenario, self._scenario.tree
        what = f"{scenario.backend}, seed {scenario.seed}, {scenario.replicas} replicas, {scenario.strikes}"
        revisions = [f"--- r{number}\n{body}" for number, body in enumerate(tree.revisions)]
        starts = [f"=== start {number}\n{each.story()}" for number, each in enumerate(self._arena.starts, start=1)]
        return "\n".join([what, f"{self.outcome}", *revisions, *starts])
