"""The journal on real databases, with each driver that an env.py may bring: what is written is read again."""

import pytest
from sqlalchemy import Connection

from orchestrator.migrations.journal.steps import Outcome, Record, Step
from tests.integration.journals import HOSTILE, On, about, journal_on, record, step
from tests.servers import Database


def test_a_life_of_a_revision(database: Database, on: On) -> None:
    """It begins, is interrupted, continues in another process, and is finished."""

    def begin(connection: Connection) -> None:
        journal = journal_on(connection)
        journal.create()
        journal.begin(about())
        journal.save("r1", record(step(1), step(2)), 2, HOSTILE)

    def go_on(connection: Connection) -> Record:
        journal = journal_on(connection)
        assert journal.entries()["r1"].half_applied
        assert journal.entries()["r1"].pending_statement == HOSTILE
        found = journal.record("r1")
        journal.begin(about(boot_id="c"))
        journal.save("r1", record(step(2, outcome=Outcome.FAILED), step(3)), 3, "")
        return found

    def finish(connection: Connection) -> None:
        journal = journal_on(connection)
        assert [step.outcome for step in journal.record("r1").steps] == [Outcome.DONE, Outcome.FAILED, Outcome.DONE]
        journal.finish("r1", 3, 1.5)
        journal.forget("r1")

    on(database, begin)
    found = on(database, go_on)
    assert (found.server, found.reason, found.state) == ("server 1", HOSTILE, {"sql_mode": HOSTILE})
    assert found.steps == [step(1), step(2)]
    assert found.recorded_at.endswith("Z")
    on(database, finish)
    (entry,) = on(database, lambda connection: list(journal_on(connection).entries().values()))
    assert (entry.revision, entry.down_revisions, entry.boot_id, entry.finished) == ("r1", ("r0", "q0"), "c", True)
    assert database.execute("SELECT description, connection_id, pending_statement FROM orchestrator_journal") == [
        (HOSTILE, 2**40, None)
    ]
    assert database.execute("SELECT * FROM orchestrator_journal_statements") == []


def test_rolled_back_rows_were_never_written(database: Database, on: On) -> None:
    """The journal itself commits nothing but its tables."""

    def work(connection: Connection) -> None:
        journal = journal_on(connection)
        journal.create()
        journal.create()  # as a second replica does that was as early
        journal.begin(about())
        journal.save("r1", record(step(1)), 1, "")
        connection.connection.dbapi_connection.rollback()  # type: ignore[union-attr]  # it is connected

    on(database, work)
    assert database.execute("SELECT * FROM orchestrator_journal") == []
    assert database.execute("SELECT * FROM orchestrator_journal_statements") == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 49, 50, 51, 203])
@pytest.mark.paired("count")
def test_any_number_of_steps_is_saved(database: Database, on: On, count: int) -> None:
    """They go in few statements."""
    steps = [step(number + 1) for number in range(count)]

    def work(connection: Connection) -> list[Step]:
        journal = journal_on(connection)
        journal.create()
        journal.begin(about())
        journal.save("r1", record(*steps), count, "")
        return journal.record("r1").steps

    assert on(database, work) == steps


def test_a_record_of_another_version_is_not_resumed(database: Database, on: On) -> None:
    """A revision that is half applied while the product is replaced is reported, and refused."""

    def work(connection: Connection) -> Record:
        journal = journal_on(connection)
        journal.create()
        journal.begin(about())
        journal.save("r1", record(step(1)), 1, "")
        connection.exec_driver_sql("UPDATE orchestrator_journal_statements SET answer = '[]'")
        return journal.record("r1")

    found = on(database, work)
    assert "another version" in found.reason
    assert found.left_something
