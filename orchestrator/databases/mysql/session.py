"""What the recorder has to know of a connected MySQL or MariaDB."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orchestrator.databases import ask
from orchestrator.databases.mysql.errors import code_of
from orchestrator.databases.mysql.grammar import read
from orchestrator.databases.statements import Kind, Statement

_ABSENT = (1049, 1146, 1305, 1360, 1539, 1347, 4091)  # database, table, routine, trigger, event, wrong object, sequence
_SHOWN_BY = "@@sql_mode, @@time_zone, @@sql_quote_show_create"
_SHOW_BY = "SET sql_mode = '{}', time_zone = '{}', sql_quote_show_create = {}"
_SHOWS_OTHERWISE = re.compile(r"\s*set\b.*\b(?:sql_mode|time_zone|sql_quote_show_create)\b", re.IGNORECASE | re.DOTALL)
_IN_TRANSACTION = 1  # SERVER_STATUS_IN_TRANS
_LOCK_WAIT_TIMEOUT, _DEADLOCK = 1205, 1213
_CHANGING = (Kind.WRITE, Kind.DEFINITION, Kind.OPAQUE)
_TRANSACTIONAL = "'InnoDB', 'ndbcluster', 'RocksDB', 'TokuDB'"
_DEFINITION_COLUMNS = {"TABLE": 1, "TRIGGER": 2, "PROCEDURE": 2, "FUNCTION": 2, "EVENT": 3, "SEQUENCE": 1}
_WRITE = Statement(Kind.WRITE)
# Most statements of a long revision are like this, and each has another text: no function of the session, no comment,
# no variable, no second statement.
_SIMPLE = re.compile(r"(?:insert|update|delete)\b(?:[^;@#/(-]|\((?!\s*\))|-(?!-))*+\Z", re.IGNORECASE)
_UNSAFE_ENGINE = re.compile(r"\bengine\s*=?\s*(?:myisam|aria|memory|csv|archive|blackhole|merge)\b", re.IGNORECASE)
_ATOMIC_DDL = {"mariadb": (10, 6), "mysql": (8, 0)}


class MySQLSession:
    """See `RecordedSession`."""

    commits_definitions = True
    savepoint = False
    now = "UTC_TIMESTAMP(3)"

    def __init__(self, dbapi_connection: Any, driver_connection: Any) -> None:
        self._connection, self._driver = dbapi_connection, driver_connection
        characters = getattr(driver_connection, "encoding", None) or getattr(driver_connection, "_encoding", "")
        self.encoding = "utf-8" if str(characters).startswith("utf") else "ascii"
        self._version = str(ask(dbapi_connection, "SELECT VERSION()")[0][0])
        asked = f"SELECT @@innodb_rollback_on_timeout, @@default_storage_engine, {_SHOWN_BY}"
        rolls_back, engine, *self._shown_by = ask(dbapi_connection, asked)[0]
        self._shown_otherwise = False
        self._keeps_transaction_at_timeout = not int(rolls_back)
        self._transactional = str(engine) in _TRANSACTIONAL
        self._unsafe = self._find_unsafe_tables()

    def schema(self) -> str | None:
        """The default database."""
        name: str | None = ask(self._connection, "SELECT DATABASE()")[0][0]
        return name

    def server(self) -> str:
        """As VERSION() gives it, such as 10.11.19-MariaDB."""
        return self._version

    def why_not_resumable(self) -> str:
        """Without atomic DDL a killed one may have done anything: MariaDB before 10.6, MySQL before 8.0, and TiDB."""
        make = "mariadb" if "mariadb" in self._version.lower() else "mysql"
        numbers = tuple(int(part) for part in re.findall(r"\d+", self._version)[:2])
        if numbers < _ATOMIC_DDL[make] or "tidb" in self._version.lower():
            return f"the server ({self._version}) has no atomic DDL: what was interrupted may be half there"
        return "" if self._transactional else "the default storage engine knows no transactions"

    def read(self, sql: str) -> Statement:
        """As the grammar says; but what touches a table without transactions cannot be recorded with what it does."""
        self._shown_otherwise = self._shown_otherwise or bool(_SHOWS_OTHERWISE.match(sql))
        statement = _WRITE if _SIMPLE.match(sql) else read(sql)
        if statement.kind not in _CHANGING or statement.binds or not self._unsafe.search(sql):
            return statement
        if statement.objects and _UNSAFE_ENGINE.search(sql):
            names = [_word(each.partition(" ")[2]) for each in statement.objects]
            self._unsafe = re.compile("|".join([self._unsafe.pattern, *names]), re.IGNORECASE)
        return replace(statement, kind=Kind.OPAQUE, objects=(), outside=True)

    def look(self, subject: str) -> str:
        """SHOW CREATE, without the counter of AUTO_INCREMENT, which rows change."""
        kind, _, name = subject.partition(" ")
        try:
            with self._as_at_first() if self._shown_otherwise else contextlib.nullcontext():
                definition = ask(self._connection, f"SHOW CREATE {kind} {name}")[0][_DEFINITION_COLUMNS[kind]]
        except Exception as error:
            if code_of(error) in _ABSENT:
                return ""
            raise
        plain = re.sub(r" AUTO_INCREMENT=\d+", "", str(definition))
        return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @contextlib.contextmanager
    def _as_at_first(self) -> Iterator[None]:
        """What a session shows depends on its settings, and the next session begins with others."""
        now = ask(self._connection, f"SELECT {_SHOWN_BY}")[0]
        ask(self._connection, _SHOW_BY.format(*self._shown_by))
        try:
            yield
        finally:
            ask(self._connection, _SHOW_BY.format(*now))

    def clear(self, subject: str) -> bool:
        """Atomic DDL leaves no ruins."""
        del subject
        return False

    def begin(self) -> None:
        """Also in autocommit mode."""
        ask(self._connection, "START TRANSACTION")

    def before_write(self, sql: str) -> None:
        """The server begins one by itself."""
        del sql

    def began_for_definitions(self) -> bool:
        """Never."""
        return False

    def in_transaction(self) -> bool:
        """The status flag in the answer to a ping: asyncmy overlooks flags of other answers that are all off."""
        self._connection.ping(reconnect=False)
        return bool(getattr(self._driver, "server_status", _IN_TRANSACTION) & _IN_TRANSACTION)

    def lock_limit(self, seconds: float) -> "contextlib.AbstractContextManager[None]":
        """Nothing here is gentle."""
        del seconds
        return contextlib.nullcontext()

    def met_lock_limit(self, error: BaseException) -> bool:
        """1205: lock_wait_timeout, or innodb_lock_wait_timeout where that undoes the one statement only."""
        return code_of(error) == _LOCK_WAIT_TIMEOUT and self._keeps_transaction_at_timeout

    def refuses_transactions(self, error: BaseException) -> bool:
        """Those end the transaction instead."""
        del error
        return False

    def lost_transaction(self, error: BaseException) -> bool:
        """1213, and 1205 where the server is set to roll back at it."""
        code = code_of(error)
        return code == _DEADLOCK or (code == _LOCK_WAIT_TIMEOUT and not self._keeps_transaction_at_timeout)

    def _find_unsafe_tables(self) -> "re.Pattern[str]":
        """A pattern for the names of tables that know no transactions, and for the words that make one."""
        found = ask(
            self._connection,
            f"""
            SELECT TABLE_NAME FROM information_schema.TABLES
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND ENGINE NOT IN ({_TRANSACTIONAL})
            """,  # noqa: S608  # a constant
        )
        names = [_word(str(name)) for (name,) in found]
        return re.compile("|".join([_UNSAFE_ENGINE.pattern, *names]), re.IGNORECASE)


def _word(name: str) -> str:
    """A pattern for the last part of a name, wherever it stands."""
    last = re.split(r"`\s*\.\s*`|\.(?=`?[\w$]+`?$)", name)[-1].strip("`")
    return rf"(?<![\w$]){re.escape(last)}(?![\w$])"
