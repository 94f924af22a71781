"""The session of a connected MySQL or MariaDB, as the journal needs it."""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.databases.autocommit import autocommits
from orchestrator.databases.mysql.engines import ENGINE, INDIRECT, TRANSACTIONAL, UnsafeTables
from orchestrator.databases.mysql.errors import code_of
from orchestrator.databases.mysql.grammar import read, recall
from orchestrator.databases.mysql.words import SETTINGS
from orchestrator.databases.statements import SHORT, UNKNOWN, VIEW, Kind, Statement, masked
from orchestrator.patterns import pattern

_NOT_SHOWN: dict[int | None, str] = {
    # database, table, routine, trigger, event, wrong object, sequence
    **dict.fromkeys((1049, 1146, 1305, 1360, 1539, 1347, 4091), ""),
    **dict.fromkeys((1044, 1142, 1227, 1370), UNKNOWN),  # a view needs SHOW VIEW, a routine SELECT on its table
    1356: VIEW,  # it is invalid
}
"""What `look` returns by the error of SHOW CREATE."""
_NO_SAVEPOINT, _NOT_IMPLEMENTED = 1305, 1178
_SHOWN_BY = "@@sql_mode, @@time_zone, @@sql_quote_show_create"
_SHOW_BY = "SET sql_mode = '{}', time_zone = '{}', sql_quote_show_create = {}"
_LOCK_WAIT_TIMEOUT, _DEADLOCK = 1205, 1213
_DEFINITION_COLUMNS = {"TABLE": 1, "TRIGGER": 2, "PROCEDURE": 2, "FUNCTION": 2, "EVENT": 3, "SEQUENCE": 1}
_WRITE = Statement(Kind.WRITE)
_USE = pattern(r"\s*use\b", re.IGNORECASE)
# Most statements of a long revision are like this, and all have different texts: no function, comment, variable, second
# statement, other database, or quote that a backslash may escape. Only the words ignore case: a set of characters that
# does takes 8 ms to compile.
_SIMPLE = pattern(
    r"(?:(?i:insert\s+into)\s+[`\w]+\s*(?:\([^()]*\)\s*)?(?i:values)\s*\(|(?i:update)\s+[`\w]+\s+(?i:set)\b"
    r"|(?i:delete\s+from)\s+[`\w]+\s+(?i:where)\b)(?:[^;@#/(\\-]|-(?!-))*+\Z"
)
# Of the statements that are OPAQUE; a dump keeps settings in @OLD_… and @saved_… for its own end.
_LEAVES = pattern(r"(?<![@\w'\"`])@(?!@|old_|saved_)[\w`]|\btemporary\s+table\b|\bprepare\s", re.IGNORECASE)
_ATOMIC_DDL = {"mariadb": (10, 6), "mysql": (8, 0)}
_STATE = (
    "autocommit",
    "last_insert_id",
    "insert_id",
    "sql_log_bin",
    "transaction_isolation",
    "tx_isolation",
    *(name for name in SETTINGS if not name.endswith(("_timeout", "_time"))),
)
"""Variables that are compared before a revision is resumed."""


class MySQLSession:
    """Implements `RecordedSession`."""

    commits_definitions = True
    savepoint = False
    begins_late = False
    records_in_autocommit = False  # after it, ROW_COUNT() would describe the journal's statement
    impatience = "SET innodb_lock_wait_timeout = 1, lock_wait_timeout = 1"
    now = "UTC_TIMESTAMP(3)"

    def __init__(self, dbapi_connection: Any, driver_connection: Any) -> None:
        self._connection = dbapi_connection
        characters = getattr(driver_connection, "encoding", None) or getattr(driver_connection, "_encoding", "")
        self.encoding = "utf-8" if str(characters).startswith("utf") else "ascii"
        asked = f"SELECT VERSION(), @@innodb_rollback_on_timeout, @@autocommit, DATABASE(), {_SHOWN_BY}"
        version, rolls_back, autocommit, database, *self._shown_by = self.ask(asked)[0]
        self._version, self._database = str(version), str(database)
        self._shown_otherwise = self._moved = self._left_something = False
        self._switch, self._autocommit = autocommits(dbapi_connection), bool(int(autocommit))
        self._keeps_transaction_at_timeout = not int(rolls_back)
        self._unsafe = UnsafeTables(dbapi_connection)
        self._state = ("DATABASE()", *self._known_variables(), *self._roles())

    def ask(self, sql: str) -> list[Any]:
        """Return all rows."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def server(self) -> str:
        """Return VERSION(), such as 10.11.19-MariaDB."""
        return self._version

    def why_not_resumable(self) -> str:
        """Return a reason if the server lacks atomic DDL: an interrupted statement may be half done.

        That is MariaDB before 10.6, MySQL before 8.0, and TiDB.
        """
        make = "mariadb" if "mariadb" in self._version.lower() else "mysql"
        numbers = tuple(int(part) for part in re.findall(r"\d+", self._version)[:2])
        if numbers < _ATOMIC_DDL[make] or "tidb" in self._version.lower():
            return f"the server ({self._version}) has no atomic DDL: what was interrupted may be half there"
        return ""

    def autocommit(self, *, again: bool = False) -> bool:
        """Ask the server after the driver or a statement may have switched it: drivers overlook statements."""
        switch = autocommits(self._connection)
        if again or switch != self._switch:
            self._switch = switch
            self._autocommit = bool(int(self.ask("SELECT @@autocommit")[0][0]))
        return self._autocommit

    def state(self) -> Mapping[str, str]:
        """Return the values of `_STATE`, all in one row."""
        row = self.ask(f"SELECT {', '.join(self._state)}")[0]
        state = {name.removeprefix("@@"): str(value) for name, value in zip(self._state, row, strict=True)}
        if self._left_something:  # by an earlier revision: after such a statement of its own, none is resumed
            state["a user variable, temporary table or prepared statement"] = "there"
        return state

    def restore(self, state: Mapping[str, str]) -> None:
        """Set LAST_INSERT_ID() to the value after the skipped statements."""
        self.ask(f"SET last_insert_id = {int(state.get('last_insert_id', 0))}")

    def read(self, sql: str) -> Statement:
        """Classify by the grammar; changes of another database, or of a table without transactions, are OPAQUE."""
        statement = _WRITE if _SIMPLE.match(sql) else recall(sql) if len(sql) <= SHORT else read(sql)
        if self._moved:
            self._moved, self._unsafe = False, UnsafeTables(self._connection)
        if statement.kind in (Kind.SETTING, Kind.OPAQUE):
            self._shown_otherwise = True
            self._moved = bool(_USE.match(sql))
        elsewhere = statement.databases and any(name != self._database for name in statement.databases)
        if statement.kind is Kind.OPAQUE or elsewhere:
            self._left_something = self._left_something or bool(_LEAVES.search(sql))
            # Where there is a table without transactions, a procedure or function may write to it.
            return replace(statement, kind=Kind.OPAQUE, outside=self._unsafe.may_be_reached_by(sql))
        changes = statement.kind is Kind.WRITE or (
            statement.kind is Kind.DEFINITION and (self._unsafe.names or INDIRECT.search(sql))
        )
        if changes and self._unsafe.reached_by(statement, sql):
            return replace(statement, kind=Kind.OPAQUE, objects=statement.objects, outside=True)
        return statement

    def without_literals(self, sql: str) -> str:
        """Mask both kinds of quotes that may begin a text."""
        return masked(sql, "'\"")

    def look(self, subject: str) -> str:
        """Hash SHOW CREATE without what other statements change: the AUTO_INCREMENT counter, names of parent tables."""
        kind, _, name = subject.partition(" ")
        try:
            with self._as_at_first() if self._shown_otherwise else contextlib.nullcontext():
                definition = str(self.ask(f"SHOW CREATE {kind} {name}")[0][_DEFINITION_COLUMNS[kind]])
        except Exception as error:
            found = _NOT_SHOWN.get(code_of(error))
            if found is None:
                raise
            return found
        if kind == "TABLE" and definition.startswith("CREATE TABLE"):
            engine = ENGINE.search(definition[definition.rfind("\n)") :])
            if not (engine and engine[1] in TRANSACTIONAL):
                self._unsafe.note(name)
        plain = re.sub(r" AUTO_INCREMENT=\d+| REFERENCES (?:`[^`]*`\.?)+ \([^)]*\)", "", definition)
        found = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return found if kind != "TABLE" or plain.startswith("CREATE TABLE") else f"{VIEW} {found}"

    @contextlib.contextmanager
    def _as_at_first(self) -> Iterator[None]:
        """Use the settings of the first run: a definition's text depends on them, and a new session has others."""
        now = self.ask(f"SELECT {_SHOWN_BY}")[0]
        self.ask(_SHOW_BY.format(*self._shown_by))
        try:
            yield
        finally:
            self.ask(_SHOW_BY.format(*now))

    def clear(self, subject: str) -> bool:
        """Return False: atomic DDL leaves nothing."""
        del subject
        return False

    def has_table(self, name: str, schema: str | None) -> bool:
        """Ask the catalogue."""
        found = self.ask(
            f"SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = '{name}' AND TABLE_SCHEMA = "  # noqa: S608
            + (f"'{schema}'" if schema else "DATABASE()"),
        )
        return bool(found)

    def begin(self) -> None:
        """Begin a transaction, in autocommit mode too."""
        self.ask("START TRANSACTION")

    def before_write(self, sql: str) -> None:
        """Do nothing: the server begins a transaction by itself."""
        del sql

    def began_for_definitions(self) -> bool:
        """Return False: the driver begins them."""
        return False

    def mark(self) -> Any:
        """Set a savepoint, which disappears when the transaction ends; False where an engine (Aria) knows none."""
        try:
            self.ask("SAVEPOINT orchestrator_mark")
        except Exception as error:
            if code_of(error) == _NOT_IMPLEMENTED:
                return False
            raise
        return True

    def same_transaction(self, mark: Any) -> bool:
        """Release the savepoint if it still exists."""
        if not mark:
            return False
        try:
            self.ask("RELEASE SAVEPOINT orchestrator_mark")
        except Exception as error:
            if code_of(error) == _NO_SAVEPOINT:
                return False
            raise
        return True

    def lock_limit(self, seconds: float) -> "contextlib.AbstractContextManager[None]":
        """Change nothing: every lock wait here blocks other sessions."""
        del seconds
        return contextlib.nullcontext()

    def met_lock_limit(self, error: BaseException) -> bool:
        """Return whether it is 1205: lock_wait_timeout, or innodb_lock_wait_timeout if it undoes one statement only."""
        return code_of(error) == _LOCK_WAIT_TIMEOUT and self._keeps_transaction_at_timeout

    def refuses_transactions(self, error: BaseException) -> bool:
        """Return False: such statements end the transaction instead."""
        del error
        return False

    def lost_transaction(self, error: BaseException) -> bool:
        """Return whether it is 1213, or 1205 on a server that then rolls back the transaction."""
        code = code_of(error)
        return code == _DEADLOCK or (code == _LOCK_WAIT_TIMEOUT and not self._keeps_transaction_at_timeout)

    def _known_variables(self) -> list[str]:
        names = ", ".join(f"'{name}'" for name in _STATE)
        known = self.ask(f"SHOW SESSION VARIABLES WHERE Variable_name IN ({names})")
        return sorted(f"@@{name}" for name, _ in known)

    def _roles(self) -> list[str]:
        try:
            self.ask("SELECT CURRENT_ROLE()")
        except Exception as error:
            if code_of(error) is None:
                raise
            return []  # MySQL 5.7
        return ["CURRENT_ROLE()"]
