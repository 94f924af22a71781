"""Cases that random scenarios found once, or that are likely: small trees, with a fault at the worst moment."""

from collections.abc import Sequence

import pytest

from tests.faults.conftest import Play
from tests.faults.ddl import create_table, replace_in_one_statement
from tests.faults.dml import create_and_fill, go_back_to_a_savepoint, update
from tests.faults.faults import FAULTS, NETWORK
from tests.faults.generator import make_tree
from tests.faults.scenario import Scenario, Strike
from tests.faults.schema import Habit
from tests.faults.special import exchange_in_one_statement, truncate
from tests.servers import BACKENDS

FAMILY = [backend for backend in ("mariadb", "mysql") if backend in BACKENDS]
RENAME = r"\x03RENAME TABLE .*"  # the statement itself, and not its text in the journal
ASKED = "RELEASE SAVEPOINT orchestrator_mark"
PROTOCOLS = [backend for backend in NETWORK if backend in BACKENDS]


def _scenario(backend: str, habits: Sequence[Habit], at: Habit, then: str = "") -> Scenario:
    """Lose the connection after a habit has written to the ledger, and then a text has passed to the server."""
    tree = make_tree("pitfall", backend, [[create_and_fill], habits])
    fault = FAULTS["process_killed" if backend == "sqlite" else "connection_reset"]
    strike = Strike(fault, tree.mark_of[at.__name__], then)
    return Scenario("pitfall", backend, tree, [strike])


@pytest.mark.parametrize("backend", PROTOCOLS)
@pytest.mark.parametrize("table", ["orchestrator_journal", "orchestrator_journal_statements"])
async def test_a_journal_that_is_half_made_is_finished(play: Play, backend: str, table: str) -> None:
    """Its tables are made one by one, and MySQL commits each."""
    tree = make_tree("pitfall", backend, [[create_and_fill]])
    strike = Strike(FAULTS["connection_reset"], "", rf"CREATE TABLE IF NOT EXISTS\s+\S*\b{table}\b[^;]*")
    await play(Scenario("pitfall", backend, tree, [strike]))


@pytest.mark.parametrize("backend", BACKENDS)
async def test_the_record_outlives_a_savepoint(play: Play, backend: str) -> None:
    """Writes after a savepoint are undone with it, and the journal's row is written at the first change."""
    habits = [go_back_to_a_savepoint, create_table, update]
    await play(_scenario(backend, habits, update))


@pytest.mark.parametrize("backend", FAMILY)
@pytest.mark.parametrize("habit", [exchange_in_one_statement, replace_in_one_statement])
async def test_tables_exchanged_in_one_statement_are_not_exchanged_twice(
    play: Play, backend: str, habit: Habit
) -> None:
    """The definitions do not show whether it was done, so it is refused."""
    outcome = await play(_scenario(backend, [habit], habit, RENAME))
    assert outcome.refused


@pytest.mark.parametrize("backend", FAMILY)
async def test_work_that_cannot_be_confirmed_is_not_denied(play: Play, backend: str) -> None:
    """The statement was answered, and then the connection is lost while the server is asked about the transaction."""
    await play(_scenario(backend, [update, truncate], truncate, ASKED))
