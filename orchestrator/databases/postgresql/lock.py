"""The migration lock of PostgreSQL: an advisory lock of the session."""

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

from orchestrator.databases import REST_SECONDS, Activity, Holder, ask, row, rows
from orchestrator.databases.sockets import is_orphan, keep_alive
from orchestrator.log import CONTEXT

# Only the same user and members of pg_monitor can see it.
_ACTIVITIES = {"active": Activity.RUNNING, "fastpath function call": Activity.RUNNING, None: Activity.UNKNOWN}

_SESSION = """
    pid, usename, host(client_addr) || ':' || client_port, application_name,
    state, left(query, 300), extract(epoch FROM clock_timestamp() - state_change)
"""


class AdvisoryLock:
    """Implements `MigrationLock` with a session-level advisory lock."""

    pause_seconds = 0.2
    fresh_seconds = 1.0
    tells = False  # the server shows the statement
    rest_seconds = math.inf
    shows_life = False

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        database, self._id = row(dbapi_connection, "SELECT current_database(), pg_backend_pid()")
        self.name = f"orchestrator:{database}"
        self._before: Mapping[str, str] = {}

    def prepare(
        self, *, ddl_lock_timeout_seconds: float, rest_seconds: float = REST_SECONDS, shows_life: bool = False
    ) -> None:
        """Set short timeouts, an end for sessions of vanished clients, and a name; `release` restores them."""
        del rest_seconds, shows_life  # keepalives tell a session that rests from one whose client has vanished
        keep_alive(self._connection)
        wanted = {
            "lock_timeout": str(max(1, math.ceil(ddl_lock_timeout_seconds * 1000))),
            # These end the session of a vanished host, and its lock, after about a minute.
            "tcp_keepalives_idle": "30",
            "tcp_keepalives_interval": "10",
            "tcp_keepalives_count": "3",
            # So a live client may compute for any time: these limits are for forgotten ones. The second one since 14.
            "idle_in_transaction_session_timeout": "0",
            "idle_session_timeout": "0",
            # The server notices a dead client during a statement and frees the lock: 0.3 s instead of 8 s. Since 14.
            "client_connection_check_interval": "500",
            "application_name": CONTEXT.program_name,
        }
        names = ", ".join(f"'{name}'" for name in wanted)
        found = dict(rows(self._connection, f"SELECT name, setting FROM pg_settings WHERE name IN ({names})"))  # noqa: S608  # constants
        if found["application_name"]:
            del found["application_name"]  # env.py may set it itself
        self._before = found
        self._set({name: value for name, value in wanted.items() if name in found})

    def connection_id(self) -> int:
        """Return the process id of the backend."""
        return int(self._id)

    def try_acquire(self) -> bool:
        """Try once."""
        return bool(row(self._connection, f"SELECT pg_try_advisory_lock({self._key})")[0])

    def turn(self) -> Self:
        """Return a lock of another name."""
        turn = copy.copy(self)
        turn.name = f"{self.name}:turn"
        return turn

    def is_held(self) -> bool:
        """Return whether this session holds it, and is still the one that took it."""
        held_by = f"SELECT pid FROM pg_locks WHERE {self._locked} AND pid = pg_backend_pid()"  # noqa: S608  # numbers of ours
        return [pid for (pid,) in ask(self._connection, held_by)] == [self._id]

    def held_by(self) -> int | None:
        """Return the process id of the backend that holds it."""
        found = row(self._connection, f"SELECT pid FROM pg_locks WHERE {self._locked}")  # noqa: S608  # numbers of ours
        return found and int(found[0])

    def holder(self) -> Holder:
        """Return the current holder."""
        found = row(
            self._connection,
            f"""
            SELECT {_SESSION}, host(inet_client_addr()) || ':' || inet_client_port()
            FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE {self._locked}
            """,  # noqa: S608  # numbers of ours
        )
        if found is None:
            return Holder()
        holder, ours = _described(found), found[-1]
        if holder.address and is_orphan(self._connection, ours, holder.address) and self._still(holder.connection_id):
            return holder._replace(name=f"{holder.name}, whose client is gone", activity=Activity.GONE)
        return holder

    def end(self, holder: Holder) -> bool:
        """Return False: the server itself ends the session of a vanished client."""
        del holder
        return False

    def end_sql(self, holder: Holder) -> str:
        """Return pg_terminate_backend."""
        return f"SELECT pg_terminate_backend({holder.connection_id:d})" if holder.connection_id else ""

    def waiters(self) -> Sequence[Holder]:
        """Return who waits in the server, and the other orchestrators that are busy here: each tries and pauses."""
        holds = f"SELECT pid FROM pg_locks WHERE {self._locked}"  # noqa: S608  # numbers of ours
        known = f"SELECT application_name FROM pg_stat_activity WHERE pid IN (pg_backend_pid(), ({holds}))"  # noqa: S608  # same
        found = rows(
            self._connection,
            f"""
            SELECT {_SESSION} FROM pg_stat_activity AS them
            WHERE EXISTS (SELECT 1 FROM pg_locks WHERE them.pid = pg_locks.pid AND {self._named} AND NOT granted)
            OR EXISTS ({holds}) AND datname = current_database() AND application_name LIKE 'orchestrator boot %'
            AND application_name NOT IN ({known}) ORDER BY backend_start
            """,  # noqa: S608  # same
        )
        return [*{each[3] or each[0]: _described(each) for each in reversed(found)}.values()][::-1]

    def tell(self, statement: str) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Release the lock."""
        rows(self._connection, f"SELECT pg_advisory_unlock({self._key})")
        self._set(self._before)

    @property
    def _number(self) -> int:
        return int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8], "big")

    @property
    def _key(self) -> int:
        """Return the number as the server's signed bigint."""
        return self._number - (self._number >> 63 << 64)

    @property
    def _named(self) -> str:
        number = self._number
        return f"""
            locktype = 'advisory' AND objsubid = 1
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid::bigint = {number >> 32} AND objid::bigint = {number & 0xFFFFFFFF}
        """  # noqa: S608  # numbers of ours

    @property
    def _locked(self) -> str:
        return f"{self._named} AND granted"

    def _still(self, process: int) -> bool:
        """Return whether the holder is unchanged: a client that is gone may have closed its connection properly."""
        return self.held_by() == process

    def _set(self, settings: Mapping[str, str]) -> None:
        calls = [f"set_config('{name}', '{value}', false)" for name, value in settings.items()]
        if calls:
            rows(self._connection, f"SELECT {', '.join(calls)}")


def _described(session: Sequence[Any]) -> Holder:
    """Return a row of pg_stat_activity as a holder."""
    process, user, address, program, state, statement, seconds = session[:7]
    name = f"process {process} of {user}" + (f"@{address}" if address else "") + (f" ({program})" if program else "")
    activity, shown = _ACTIVITIES.get(state, Activity.IDLE), str(statement or "") if state == "active" else ""
    whose: dict[str, Any] = {"user": user or "", "address": address or "", "program": program or ""}
    return Holder(name, shown, float(seconds or 0), activity, connection_id=int(process), **whose)
