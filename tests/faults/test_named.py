"""Each kind of fault once on each database, in the middle of a revision of rows and tables."""

import pytest

from tests.faults.conftest import Play
from tests.faults.ddl import add_column, create_index, create_table
from tests.faults.dml import backfill, create_and_fill, insert_select, update, use_a_session
from tests.faults.faults import FAULTS
from tests.faults.generator import Plan
from tests.faults.scenario import Outcome, Scenario
from tests.faults.special import alter_what_is_read, fill_the_disk, lock_two_rows
from tests.servers import BACKENDS

PLAN: Plan = [
    [create_and_fill, create_table, insert_select, add_column, lock_two_rows, use_a_session],
    [backfill, create_index, alter_what_is_read, update],
]
FILLING: Plan = [[create_and_fill, create_table, insert_select, fill_the_disk], *PLAN]
"""With a statement that takes some time, and much room."""


def _struck_by(fault: str) -> pytest.MarkDecorator:
    backends = [backend for backend in FAULTS[fault].backends if backend in BACKENDS]
    return pytest.mark.parametrize(("fault", "backend"), [(fault, backend) for backend in backends])


async def _play(play: Play, fault: str, backend: str, replicas: int = 1) -> Outcome:
    plan, at = (FILLING, fill_the_disk) if fault in {"disk_full", "statement_cancelled"} else (PLAN, use_a_session)
    outcome = await play(Scenario.named(fault, backend, plan, at.__name__, replicas))
    assert outcome.struck == [fault]
    return outcome


def _went_on(outcome: Outcome) -> bool:
    """Return whether another start continued: in the middle where DDL stays, from the top where it is rolled back."""
    return outcome.again and _resumed_where_ddl_stays(outcome)


def _went_on_by_itself(outcome: Outcome) -> bool:
    """Return whether the same start waited for the database and continued, in the same way."""
    return bool(outcome.interrupted) and not outcome.again and _resumed_where_ddl_stays(outcome)


def _resumed_where_ddl_stays(outcome: Outcome) -> bool:
    return bool(outcome.resumed) == (outcome.backend in ("mariadb", "mysql"))


@_struck_by("process_killed")
async def test_after_a_kill_the_next_start_continues(play: Play, fault: str, backend: str) -> None:
    """SIGKILL, as when memory is short."""
    assert _went_on(await _play(play, fault, backend))


@_struck_by("process_killed")
async def test_after_a_kill_another_replica_continues(play: Play, fault: str, backend: str) -> None:
    """They wait for the lock, which ends with its owner."""
    await _play(play, fault, backend, replicas=3)


@_struck_by("process_stopped")
async def test_after_sigterm_the_next_start_continues(play: Play, fault: str, backend: str) -> None:
    """It ends within its budget even where the network stands still."""
    assert (await _play(play, fault, backend)).again


@_struck_by("process_frozen")
async def test_a_frozen_process_continues_when_it_thaws(play: Play, fault: str, backend: str) -> None:
    """Its connection and its lock are still there."""
    assert not (await _play(play, fault, backend)).again


@_struck_by("process_overtaken")
async def test_a_process_that_was_overtaken_does_no_harm(play: Play, fault: str, backend: str) -> None:
    """It was frozen, its session is gone, and another has the lock when it thaws."""
    assert _went_on_by_itself(await _play(play, fault, backend, replicas=2))


@_struck_by("host_gone")
async def test_after_the_host_is_gone_another_waits_for_its_lock(play: Play, fault: str, backend: str) -> None:
    """The server believes in the connection for a while longer."""
    assert _went_on(await _play(play, fault, backend))


@_struck_by("server_killed")
async def test_after_a_crash_of_the_server_the_same_start_continues(play: Play, fault: str, backend: str) -> None:
    """The journal has exactly what the server had committed."""
    assert _went_on_by_itself(await _play(play, fault, backend))


@_struck_by("server_restarted")
async def test_after_a_restart_of_the_server_the_same_start_continues(play: Play, fault: str, backend: str) -> None:
    """As in a maintenance window."""
    assert _went_on_by_itself(await _play(play, fault, backend))


@_struck_by("server_frozen")
async def test_a_frozen_server_is_waited_for(play: Play, fault: str, backend: str) -> None:
    """The connection is still there."""
    assert not (await _play(play, fault, backend)).again


@_struck_by("server_full_of_connections")
async def test_a_start_waits_for_a_connection(play: Play, fault: str, backend: str) -> None:
    """Others have them all when it comes back."""
    assert _went_on_by_itself(await _play(play, fault, backend))


@_struck_by("server_read_only")
async def test_after_a_failover_a_start_waits_until_writes_are_taken(play: Play, fault: str, backend: str) -> None:
    """The old primary is read-only until there is a new one."""
    await _play(play, fault, backend)


@_struck_by("disk_full")
async def test_after_a_full_disk_the_next_start_continues(play: Play, fault: str, backend: str) -> None:
    """Once there is room."""
    assert _went_on(await _play(play, fault, backend))


@_struck_by("connection_reset")
async def test_after_a_reset_the_same_start_continues(play: Play, fault: str, backend: str) -> None:
    """A firewall that has forgotten the connection."""
    assert _went_on_by_itself(await _play(play, fault, backend))


@_struck_by("connection_cut")
async def test_after_a_cut_in_a_packet_the_same_start_continues(play: Play, fault: str, backend: str) -> None:
    """Neither side knows whether the other has heard the rest."""
    assert _went_on_by_itself(await _play(play, fault, backend))


@_struck_by("black_hole")
async def test_a_black_hole_is_survived(play: Play, fault: str, backend: str) -> None:
    """Packets are late, or lost for good."""
    await _play(play, fault, backend)


@_struck_by("silence")
async def test_after_silence_the_same_start_continues(play: Play, fault: str, backend: str) -> None:
    """A load balancer accepts, but has no server behind it."""
    assert _went_on_by_itself(await _play(play, fault, backend))


@_struck_by("latency")
async def test_latency_is_only_slow(play: Play, fault: str, backend: str) -> None:
    """Nothing is given up because of it."""
    assert not (await _play(play, fault, backend)).again


@_struck_by("statement_cancelled")
async def test_after_a_cancelled_statement_the_next_start_continues(play: Play, fault: str, backend: str) -> None:
    """An administrator ends a statement."""
    await _play(play, fault, backend)


@_struck_by("connection_killed")
async def test_after_a_killed_connection_the_same_start_continues(play: Play, fault: str, backend: str) -> None:
    """An administrator ends the session, and with it the lock."""
    assert _went_on_by_itself(await _play(play, fault, backend))


@_struck_by("deadlock")
async def test_a_deadlock_loses_nothing(play: Play, fault: str, backend: str) -> None:
    """The server rolls back the whole transaction, not only the statement."""
    await _play(play, fault, backend)


@_struck_by("table_locked")
async def test_a_locked_table_is_waited_for(play: Play, fault: str, backend: str) -> None:
    """The statement that met it has done nothing, and is tried again."""
    await _play(play, fault, backend)


@_struck_by("table_read")
async def test_a_table_in_use_is_waited_for(play: Play, fault: str, backend: str) -> None:
    """A transaction that only reads is in the way of a change of the table."""
    assert not (await _play(play, fault, backend)).again
