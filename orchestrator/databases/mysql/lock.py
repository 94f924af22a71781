"""The migration lock of MySQL and MariaDB: GET_LOCK."""

import contextlib
import copy
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

from orchestrator.databases import REST_SECONDS, Activity, Holder, ask, row, rows
from orchestrator.databases.mysql import life
from orchestrator.databases.sockets import is_orphan, keep_alive

# The default of lock_wait_timeout is a day (MariaDB) or a year (MySQL). wait_timeout: if a host vanishes without
# closing its connection, the lock is free after this time, not after 8 hours. With signs of life it may be long.
_LOCK_WAITS, _REST = ("lock_wait_timeout", "innodb_lock_wait_timeout"), "wait_timeout"
# MariaDB's: these end forgotten transactions, and a revision may compute in one for any time.
_IDLE = tuple(f"idle_{kind}transaction_timeout" for kind in ("", "readonly_", "write_"))
_PROGRAMS = (
    "SELECT processlist_id, attr_value FROM performance_schema.session_account_connect_attrs "
    "WHERE attr_name = 'program_name'"
)


class NamedLock:
    """Implements `MigrationLock` with GET_LOCK."""

    pause_seconds = 0.01  # GET_LOCK itself waits, unless it fails
    fresh_seconds = 1.0
    tells = False  # the server shows the statement
    rest_seconds = math.inf
    shows_life = False

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        # Pass bytes: the connection's character set may lack the name's letters.
        database, self._id = row(dbapi_connection, "SELECT HEX(DATABASE()), CONNECTION_ID()")
        self.name = _lock_name(bytes.fromhex(database or "").decode())
        self._before: Mapping[str, int] = {}

    def prepare(
        self, *, ddl_lock_timeout_seconds: float, rest_seconds: float = REST_SECONDS, shows_life: bool = False
    ) -> None:
        """Set short timeouts and let the server end connections of vanished clients; `release` restores them."""
        keep_alive(self._connection)
        seconds, rest = max(1, math.ceil(ddl_lock_timeout_seconds)), max(1, math.floor(rest_seconds))
        self.shows_life = shows_life and self._is_direct and life.promise(self._connection, self._id)
        names = ", ".join(f"'{name}'" for name in (*_LOCK_WAITS, _REST, *_IDLE))
        found = rows(self._connection, f"SHOW SESSION VARIABLES WHERE Variable_name IN ({names})")
        self._before = {name: int(value) for name, value in found}
        rest = max(rest, self._before[_REST]) if self.shows_life else rest
        self.rest_seconds = float(rest)
        self._set({**dict.fromkeys(self._before, 0), **dict.fromkeys(_LOCK_WAITS, seconds), _REST: rest})

    def connection_id(self) -> int:
        """Return CONNECTION_ID()."""
        return int(self._id)

    def try_acquire(self) -> bool:
        """Try once."""
        # 1: acquired; 0: not within a second; NULL: killed or out of memory. Only 1 means success.
        return bool(row(self._connection, f"SELECT GET_LOCK('{self.name}', 1)")[0] == 1)

    def turn(self) -> Self:
        """Return a lock of another name, which has room for a hash only."""
        turn = copy.copy(self)
        turn.name = f"orchestrator:turn:{hashlib.sha256(self.name.encode()).hexdigest()[:32]}"
        return turn

    def is_held(self) -> bool:
        """Return whether this session holds it, and is still the one that took it."""
        return tuple(ask(self._connection, f"SELECT {self._holder}, CONNECTION_ID()")[0]) == (self._id, self._id)

    def held_by(self) -> int | None:
        """Return IS_USED_LOCK."""
        found: int | None = row(self._connection, f"SELECT {self._holder}")[0]
        return found

    def holder(self) -> Holder:
        """Return the current holder."""
        held_by = self.held_by()
        if held_by is None:
            return Holder()
        processes = {each[0]: each for each in rows(self._connection, "SHOW FULL PROCESSLIST")}
        if held_by not in processes:
            return Holder(f"connection {held_by}", connection_id=held_by)
        found = self._described(processes[held_by], self._program(held_by))
        if is_orphan(self._connection, processes[self._id][2], found.address) and self._still(held_by):
            return found._replace(name=f"{found.name}, whose client is gone", activity=Activity.GONE)
        if found.activity is Activity.IDLE:
            return found._replace(shows_life=life.is_shown(self._connection, held_by))
        return found

    def end(self, holder: Holder) -> bool:
        """End it with KILL, right after another look: its number may belong to another connection by now."""
        now = self.holder()
        same = (now.connection_id, now.shows_life) == (holder.connection_id, False) and now.seconds >= holder.seconds
        if same and self._is_direct:
            rows(self._connection, self.end_sql(now))
        return same and self._is_direct

    def end_sql(self, holder: Holder) -> str:
        """Return KILL."""
        return f"KILL {holder.connection_id:d}" if holder.connection_id else ""

    def waiters(self) -> Sequence[Holder]:
        """Return whose GET_LOCK runs now; between two tries an orchestrator pauses 10 ms."""
        question, processes = f"GET_LOCK('{self.name}'", rows(self._connection, "SHOW FULL PROCESSLIST")
        others = [each for each in processes if question in str(each[7]) and each[0] != self._id]
        return [self._described(each, self._program(each[0])) for each in others]

    def _described(self, process: Sequence[Any], program: str) -> Holder:
        """Return a row of the process list as a holder."""
        connection_id, user, address, _database, command, seconds, _state, statement = process[:8]
        name = f"connection {connection_id} of {user}@{address}" + (f" ({program})" if program else "")
        activity = Activity.IDLE if str(command) == "Sleep" else Activity.RUNNING
        shown = str(statement or "")[:300]
        whose = {"connection_id": int(connection_id), "user": str(user), "address": str(address), "program": program}
        return Holder(name, shown, float(seconds or 0), activity, **whose)  # type: ignore[arg-type]  # each is right

    def tell(self, statement: str) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Release the lock."""
        rows(self._connection, f"SELECT RELEASE_LOCK('{self.name}')")
        if self.shows_life:
            life.withdraw(self._connection, self._id)
        if self._before:
            self._set(self._before)

    @property
    def _is_direct(self) -> bool:
        return life.is_direct(self._connection, self._id)

    @property
    def _holder(self) -> str:
        return f"IS_USED_LOCK('{self.name}')"

    def _still(self, held_by: int) -> bool:
        """Return whether the holder is unchanged: a client that is gone may have closed its connection properly."""
        return self.held_by() == held_by

    def _program(self, connection_id: int) -> str:
        """Return the client's program name, if the server stores it and shows it to us."""
        with contextlib.suppress(Exception):  # not worth a failure
            programs = dict(rows(self._connection, _PROGRAMS))
            return str(programs[connection_id])
        return ""

    def _set(self, values: Mapping[str, int]) -> None:
        settings = ", ".join(f"{name} = {value:d}" for name, value in values.items())
        rows(self._connection, f"SET SESSION {settings}")


def _lock_name(database: str) -> str:
    """Return a lock name for the schema, because locks belong to the server. Limit: 64 characters."""
    plain = re.sub(r"[^a-z0-9_.-]", "_", database.lower())[:40]
    if plain != database:
        plain += "-" + hashlib.sha256(database.encode()).hexdigest()[:8]
    return f"orchestrator:{plain}"
