"""The journal in the migrated schema: what was applied, by whom and when; and what an unfinished revision has done.

Section 7 of the contract defines `orchestrator_journal`, with a row per revision. `orchestrator_journal_statements` has
the statements of unfinished revisions, which a resumed run replays; they are deleted when the revision is finished. All
rows are written on the migrating connection, in the transaction of the change that they describe.
"""

import copy
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy.schema import CreateTable

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.schema import JOURNAL, MARK, SAVED, queries, tables
from orchestrator.migrations.journal.steps import STATEMENT_LENGTH, Outcome, Record, Step
from orchestrator.migrations.position.lineage import Entry

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

    from orchestrator.databases.statements import RecordedSession

NAME_LENGTH = 128
_COLUMNS = ("revision", "statement_index", "kind", "digest", "statement", "outcome", "answer", "definitions")
_OF_EACH_REVISION = ("begin", "save 2", "save 3", "progress", "finish", "forget")


@dataclass(frozen=True)
class RevisionInfo:
    """A revision, and who applies it."""

    revision: str
    path: str
    needs: tuple[str, ...]
    description: str
    checksum: str
    app_version: str
    boot_id: str
    task_id: str
    connection_id: int

    @classmethod
    def of(cls, entry: Entry) -> "RevisionInfo":
        """Return what the journal knows about a revision that this image does not have."""
        author = entry.app_version, entry.boot_id, "", 0
        return cls(entry.revision, "", entry.down_revisions, "", entry.checksum, *author)


class Journal:
    """The journal of a database, on the connection that migrates it. Only `create` commits."""

    def __init__(  # noqa: PLR0913  # a connection, and where and how to write
        self,
        dbapi_connection: Any,
        dialect: "Dialect",
        now: str,
        schema: str | None = None,
        encoding: str = "utf-8",
        *,
        name: str = JOURNAL,
    ) -> None:
        self._connection, self._dialect, self._encoding = dbapi_connection, dialect, encoding
        self._tables = tables(schema, dialect.name, name)
        self._queries = queries(*self._tables, dialect.name, now)
        self._compiled: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """How the names of its tables begin."""
        return self._tables[0].name

    def create(self) -> None:
        """Create the tables, and commit."""
        self.make_tables()
        self._connection.commit()

    def make_tables(self) -> None:
        """Create the tables, in the open transaction if the database supports that."""
        for table in self._tables:
            self._run(CreateTable(table, if_not_exists=True).compile(dialect=self._dialect), {})

    def exists(self, session: "RecordedSession") -> bool:
        """Return whether both tables exist; no error breaks the transaction."""
        return all(session.has_table(table.name, table.schema) for table in self._tables)

    def entries(self) -> dict[str, Entry]:
        """Return every row, by revision."""
        return {row[0]: Entry.of(row) for row in self._query("entries", {})}

    def make_ready(self) -> None:
        """Make the queries that each revision needs, so that its first statement does not wait for them."""
        for name in _OF_EACH_REVISION:
            self._made(name)

    def begin(self, about: RevisionInfo) -> None:
        """Note that a revision begins or continues."""
        values = {**vars(about), "down_revision": ",".join(about.needs), "statements_done": 0}
        del values["needs"], values["path"]
        values |= {name: values[name][:NAME_LENGTH] for name in ("app_version", "task_id")}
        self._query("begin", _numbered([values]))

    def finish(self, revision: str, statements: int, seconds: float | None) -> None:
        """Mark a revision as applied."""
        self._query("finish", {"this": revision, "new_statements_done": statements, "new_duration_seconds": seconds})

    def save(self, revision: str, record: Record, done: int, pending: str, begins: RevisionInfo | None = None) -> None:
        """Write what a revision has done since the last call; `begins`: after its own row."""
        if begins:
            self.begin(begins)
        rows = [_head(revision, record), *(_row(revision, step) for step in record.steps)]
        while rows:
            count = max(each for each in SAVED if each <= len(rows))
            self._query(f"save {count}", _numbered(rows[:count]))
            del rows[:count]
        self._progress(revision, done, pending)

    def record(self, revision: str) -> Record:
        """Return what an unfinished revision has done."""
        rows = self._query("steps", {"this": revision})
        if not rows:
            return Record()
        recorded_at = _moment(rows[-1][-1])
        mark = rows.pop(0)[4] if rows[0][1] == MARK else ""
        if not rows:
            return Record(reason=mark, mark=mark, recorded_at=recorded_at)
        try:
            head = json.loads(rows[0][6])
            steps = [_step(row) for row in rows[1:]]
            return Record(rows[0][4], head["reason"] or mark, head["state"], steps, recorded_at, mark)
        except (KeyError, ValueError, TypeError):
            steps = [Step(row[1], Kind.OPAQUE, row[4], Outcome.DONE) for row in rows if row[1]]
            return Record("", "it was recorded by another version of orchestrator", {}, steps, recorded_at, mark)

    def forget(self, revision: str) -> None:
        """Delete the statements of a revision."""
        self._query("forget", {"this": revision})

    def on(self, dbapi_connection: Any) -> Self:
        """Return the same journal on another connection."""
        other = copy.copy(self)
        vars(other)["_connection"] = dbapi_connection
        return other

    def mark(self, revision: str, reason: str) -> None:
        """Write that an unfinished revision did what no rollback undoes; the mark needs nothing more."""
        row = _values(revision, MARK, Kind.OPAQUE, "", reason[:STATEMENT_LENGTH], Outcome.DONE)
        self._query("save 1", _numbered([row]))

    def unmark(self, revision: str) -> None:
        """Take that back."""
        self._query("unmark", {"this": revision})

    def marks(self) -> dict[str, str]:
        """Return the reasons that are marked, by revision."""
        return dict(self._query("marks", {}))

    def clear(self, revision: str) -> None:
        """Note that an unfinished revision has left nothing."""
        self.forget(revision)
        self._progress(revision, 0, "")

    def _progress(self, revision: str, done: int, pending: str) -> None:
        values = {"new_statements_done": done, "new_pending_statement": pending or None}
        self._query("progress", {"this": revision, **values})

    def _query(self, name: str, parameters: dict[str, Any]) -> list[Any]:
        written = {key: self._writable(value) for key, value in parameters.items()}
        return self._run(self._made(name), written)

    def _made(self, name: str) -> Any:
        if name not in self._compiled:
            self._compiled[name] = self._queries[name]().compile(dialect=self._dialect)
        return self._compiled[name]

    def _writable(self, value: Any) -> Any:
        """Return a text without characters that the database cannot store or its driver cannot send."""
        if not isinstance(value, str) or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "").encode(self._encoding, "replace").decode(self._encoding)

    def _run(self, compiled: Any, parameters: dict[str, Any]) -> list[Any]:
        """Run a query without SQLAlchemy's connection, which would begin a transaction: see `databases.rows`."""
        arranged = _arranged(compiled, compiled.construct_params(parameters))
        cursor = self._connection.cursor()
        try:
            cursor.execute(str(compiled), *filter(None, [arranged]))
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()


def _moment(recorded: Any) -> str:
    """Return a time of the database, which is UTC, in the format of events."""
    text = recorded.isoformat(timespec="milliseconds") if isinstance(recorded, dt.datetime) else str(recorded)
    return text.replace(" ", "T") + "Z"


def _numbered(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the parameters of an upsert."""
    return {f"{name}_{number}": value for number, row in enumerate(rows) for name, value in row.items()}


def _arranged(compiled: Any, parameters: dict[str, Any]) -> Any:
    """Return parameters as the driver takes them: by position or by name."""
    names = getattr(compiled, "positiontup", None)
    return parameters if names is None else tuple(parameters[name] for name in names)


def _head(revision: str, record: Record) -> dict[str, Any]:
    """Return the row with index 0, which describes all statements."""
    head = json.dumps({"reason": record.reason, "state": record.state})
    return _values(revision, 0, Kind.SETTING, "", record.server, Outcome.DONE, head)


def _row(revision: str, step: Step) -> dict[str, Any]:
    answer = json.dumps([step.rowcount, step.lastrowid])
    definitions = json.dumps([step.before, step.after, step.line])
    return _values(revision, step.index, step.kind, step.digest, step.statement, step.outcome, answer, definitions)


def _values(*values: Any) -> dict[str, Any]:
    """Return the values of a row, in the order of the columns; what is left out is empty."""
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    return dict(zip(_COLUMNS, plain + ["[]"] * (len(_COLUMNS) - len(plain)), strict=True))


def _step(row: Sequence[Any]) -> Step:
    _, index, kind, digest, statement, outcome, answer, definitions, _ = row
    rowcount, lastrowid = json.loads(answer)
    before, after, line = json.loads(definitions)
    return Step(index, Kind(kind), statement, Outcome(outcome), digest, rowcount, lastrowid, line, before, after)
