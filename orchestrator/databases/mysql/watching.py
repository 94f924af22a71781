"""What MySQL and MariaDB show of another connection's statement.

The server's kind, version, rights and instruments are not checked first. All queries are sent, and one that the server
refuses leaves its part empty.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.databases.observation import STATEMENT_LENGTH, Blocker, Observation, answer
from orchestrator.patterns import pattern

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_SESSIONS = (
    f"""
    SELECT id AS Id, user AS User, host AS Host, db, command AS Command, time AS Time, state AS State,
           LEFT(info, {STATEMENT_LENGTH}) AS Info
    FROM performance_schema.processlist
    """,  # noqa: S608  # a number of ours
    "SHOW PROCESSLIST",  # MySQL reports that this is deprecated
)
_WAITS_FOR_TABLE = pattern(r"waiting for .*(lock|flush)", re.IGNORECASE)
# `trx_started` is in the time zone of the machine. Thread 0 has no client: the purge, or a prepared XA transaction.
_TRANSACTIONS = """
SELECT trx_mysql_thread_id AS id, trx_state AS state,
       TIMESTAMPDIFF(MICROSECOND, trx_started, CONVERT_TZ(NOW(6), @@session.time_zone, 'SYSTEM')) / 1000000 AS seconds
FROM information_schema.innodb_trx WHERE trx_mysql_thread_id NOT IN (0, CONNECTION_ID())
"""
# MySQL, even if the consumer of stages is off (seen on 9.7). MariaDB has it in SHOW PROCESSLIST.
_PERCENT = """
SELECT 100 * work_completed / work_estimated
FROM performance_schema.events_stages_current JOIN performance_schema.threads USING (thread_id)
WHERE processlist_id = {0} AND work_estimated > 0
"""
_ROWS = (
    """
    SELECT rows_examined
    FROM performance_schema.events_statements_current JOIN performance_schema.threads USING (thread_id)
    WHERE processlist_id = {0}
    """,
    "SELECT examined_rows FROM information_schema.processlist WHERE id = {0}",  # MariaDB
)
_LAST_STATEMENTS = f"""
SELECT processlist_id, LEFT(sql_text, {STATEMENT_LENGTH})
FROM performance_schema.events_statements_current JOIN performance_schema.threads USING (thread_id)
WHERE processlist_id IN ({{0}})
"""  # noqa: S608  # a number of ours
_WEAK = "('INTENTION_EXCLUSIVE', 'SHARED_HIGH_PRIO', 'SHARED_READ', 'SHARED_WRITE', 'SHARED_UPGRADABLE')"
_TABLE_BLOCKERS = (
    # Weak locks do not conflict, except SHARED_UPGRADABLE, which only one session may hold: a running ALTER TABLE.
    f"""
    SELECT DISTINCT theirs.processlist_id
    FROM performance_schema.threads AS ours
    JOIN performance_schema.metadata_locks AS wanted ON wanted.owner_thread_id = ours.thread_id
    JOIN performance_schema.metadata_locks AS held
      ON held.object_type = wanted.object_type AND held.object_schema <=> wanted.object_schema
      AND held.object_name <=> wanted.object_name AND held.owner_thread_id <> ours.thread_id
    JOIN performance_schema.threads AS theirs ON theirs.thread_id = held.owner_thread_id
    WHERE ours.processlist_id = {{0}} AND wanted.lock_status = 'PENDING' AND held.lock_status = 'GRANTED'
      AND (wanted.lock_type NOT IN {_WEAK} OR held.lock_type NOT IN {_WEAK}
           OR wanted.lock_type = 'SHARED_UPGRADABLE' AND held.lock_type = 'SHARED_UPGRADABLE')
    """,  # noqa: S608  # a constant of ours
    # A plugin of MariaDB. It does not show waiting locks, but a waiting ALTER TABLE already holds a weaker one.
    """
    SELECT DISTINCT theirs.thread_id
    FROM information_schema.metadata_lock_info AS ours JOIN information_schema.metadata_lock_info AS theirs
      ON theirs.lock_type = ours.lock_type AND theirs.table_schema = ours.table_schema
      AND theirs.table_name = ours.table_name AND theirs.thread_id <> ours.thread_id
    WHERE ours.thread_id = {0} AND ours.lock_type = 'Table metadata lock'
    """,
)
_ROW_BLOCKERS = (
    """
    SELECT DISTINCT theirs.processlist_id
    FROM performance_schema.data_lock_waits
    JOIN performance_schema.threads AS ours ON ours.thread_id = requesting_thread_id
    JOIN performance_schema.threads AS theirs ON theirs.thread_id = blocking_thread_id
    WHERE ours.processlist_id = {0}
    """,
    # MariaDB
    """
    SELECT DISTINCT theirs.trx_mysql_thread_id
    FROM information_schema.innodb_lock_waits
    JOIN information_schema.innodb_trx AS ours ON ours.trx_id = requesting_trx_id
    JOIN information_schema.innodb_trx AS theirs ON theirs.trx_id = blocking_trx_id
    WHERE ours.trx_mysql_thread_id = {0}
    """,
)


async def observe(connection: "AsyncConnection", connection_id: int) -> Observation:
    """Implement `Backend.observe`. Sessions of other users show only with the privilege PROCESS."""
    sessions = {each.Id: each for each in await answer(connection, *_SESSIONS)}
    transactions = {each.id: each for each in await answer(connection, _TRANSACTIONS)}
    if connection_id not in sessions:
        return Observation()
    return await _Look(connection, connection_id, sessions, transactions).observation()


@dataclass(frozen=True)
class _Look:
    """One look at the connection `ours`, among the current sessions and transactions."""

    connection: "AsyncConnection"
    ours: int
    sessions: dict[int, Any]
    transactions: dict[int, Any]

    async def observation(self) -> Observation:
        table_locked, row_locked = self._waits_for_table(self.ours), self._waits_for_row()
        known = await self._ask(*(_TABLE_BLOCKERS if table_locked else _ROW_BLOCKERS if row_locked else ()))
        blockers = [each[0] for each in known] or (self._suspects() if table_locked else [])
        return Observation(
            state=self.sessions[self.ours].State or "",
            progress_percent=await self._percent(),
            rows=await self._one(*_ROWS) or None,
            waits_for_lock=table_locked or row_locked,
            blockers=await self._described(blockers),
            guessed=not known,
            is_idle=self.sessions[self.ours].Command == "Sleep",
        )

    def _waits_for_table(self, connection_id: int) -> bool:
        return bool(_WAITS_FOR_TABLE.match(self.sessions[connection_id].State or ""))

    def _waits_for_row(self) -> bool:
        return self.ours in self.transactions and self.transactions[self.ours].state == "LOCK WAIT"

    def _suspects(self) -> list[int]:
        """Return sessions with an open transaction in our database that do not wait in the queue behind us."""
        database = self.sessions[self.ours].db
        there = (self.transactions.keys() & self.sessions.keys()) - {self.ours}
        return [each for each in there if self.sessions[each].db == database and not self._waits_for_table(each)]

    async def _percent(self) -> float | None:
        shown = float(getattr(self.sessions[self.ours], "Progress", 0))
        return round(shown or float(await self._one(_PERCENT) or 0), 1) or None

    async def _described(self, connection_ids: list[int]) -> list[Blocker]:
        if not connection_ids:
            return []
        question = _LAST_STATEMENTS.format(", ".join(map(str, connection_ids)))
        said = dict(await answer(self.connection, question))
        # InnoDB has whole seconds only; within the same second the older connection comes first.
        found = [self._blocker(each, said.get(each)) for each in sorted(connection_ids)]
        return sorted(found, key=lambda blocker: blocker.seconds, reverse=True)

    def _blocker(self, connection_id: int, statement: str | None) -> Blocker:
        name, session = f"connection {connection_id}", self.sessions.get(connection_id)
        if session is None:
            return Blocker(name, statement=statement or "")
        transaction = self.transactions.get(connection_id)
        return Blocker(
            f"{name} of {session.User}@{session.Host}",
            f"{session.Command}, in a transaction" if transaction else session.Command,
            float(transaction.seconds if transaction else session.Time),
            statement or session.Info or "",
        )

    async def _ask(self, *questions: str) -> Sequence[Any]:
        return await answer(self.connection, *(each.format(self.ours) for each in questions))

    async def _one(self, *questions: str) -> Any:
        return next((each[0] for each in await self._ask(*questions)), None)
