"""The journal in the migrated schema: what was applied, by whom and when; and what an unfinished revision has done.

Section 7 of the contract defines `orchestrator_journal`, with a row per revision. `orchestrator_journal_statements` has
the statements of unfinished revisions, which a resumed run replays; they are deleted when the revision is finished. All
rows are written on the migrating connection, in the transaction of the change that they describe.
"""

import copy
import datetime as dt
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy.schema import CreateTable

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.queries import AT_ONCE, Queries, Query
from orchestrator.migrations.journal.schema import JOURNAL, MARK, tables
from orchestrator.migrations.journal.steps import STATEMENT_LENGTH, Outcome, Record, Step
from orchestrator.migrations.position.lineage import Entry

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

    from orchestrator.databases.statements import RecordedSession

NAME_LENGTH = 128
_NOTHING = "[]"  # in a column of JSON


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
    """The journal of a database, on the connection that migrates it. Only `create` commits.

    Attributes:
        name: how the names of its tables begin.
    """

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
        self._schema, self.name = schema, name
        self._queries = Queries(dialect, schema, name, now)

    def create(self) -> None:
        """Create the tables, and commit."""
        self.make_tables()
        self._connection.commit()

    def make_tables(self) -> None:
        """Create the tables, in the open transaction if the database supports that."""
        for table in tables(self._schema, self._dialect.name, self.name):
            self._run(Query(str(CreateTable(table, if_not_exists=True).compile(dialect=self._dialect))))

    def exists(self, session: "RecordedSession") -> bool:
        """Return whether both tables exist; no error breaks the transaction."""
        return all(session.has_table(name, self._schema) for name in (self.name, f"{self.name}_statements"))

    def entries(self) -> dict[str, Entry]:
        """Return every row, by revision."""
        return {row[0]: Entry.of(row) for row in self._run(self._queries.entries)}

    def begin(self, about: RevisionInfo, done: int = 0, pending: str = "") -> None:
        """Note that a revision begins or continues."""
        what = about.revision, ",".join(about.needs), about.description, about.checksum
        who = about.app_version[:NAME_LENGTH], about.boot_id, about.task_id[:NAME_LENGTH], about.connection_id
        self._run(self._queries.begin((*what, *who), done, pending or None))

    def finish(self, revision: str, statements: int, seconds: float | None) -> None:
        """Mark a revision as applied."""
        self._run(self._queries.finish(revision, statements, seconds))

    def save(self, revision: str, record: Record, done: int, pending: str, begins: RevisionInfo | None = None) -> None:
        """Write what a revision has done since the last call; `begins`: after its own row."""
        if begins:
            self.begin(begins, done, pending)
        head = [_head(revision, record)] if record.is_news else []
        rows = itertools.chain(head, (_row(revision, step) for step in record.steps))
        while some := list(itertools.islice(rows, AT_ONCE)):  # all at once would take as much memory as the steps
            self._run(self._queries.save(some))
        if not begins:
            self._progress(revision, done, pending)

    def record(self, revision: str) -> Record:
        """Return what an unfinished revision has done."""
        rows = self._run(self._queries.steps(revision))
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
        self._run(self._queries.forget(revision))

    def on(self, dbapi_connection: Any) -> Self:
        """Return the same journal on another connection."""
        other = copy.copy(self)
        vars(other)["_connection"] = dbapi_connection
        return other

    def mark(self, revision: str, reason: str) -> None:
        """Write that an unfinished revision did what no rollback undoes; the mark needs nothing more."""
        shown = reason[:STATEMENT_LENGTH]
        row = revision, MARK, Kind.OPAQUE.value, "", shown, Outcome.DONE.value, _NOTHING, _NOTHING
        self._run(self._queries.save([row]))

    def unmark(self, revision: str) -> None:
        """Take that back."""
        self._run(self._queries.unmark(revision))

    def marks(self) -> dict[str, str]:
        """Return the reasons that are marked, by revision."""
        return dict(self._run(self._queries.marks))

    def clear(self, revision: str) -> None:
        """Note that an unfinished revision has left nothing."""
        self.forget(revision)
        self._progress(revision, 0, "")

    def _progress(self, revision: str, done: int, pending: str) -> None:
        self._run(self._queries.progress(revision, done, pending or None))

    def _writable(self, value: Any) -> Any:
        """Return a text without characters that the database cannot store or its driver cannot send."""
        if not isinstance(value, str) or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "").encode(self._encoding, "replace").decode(self._encoding)

    def _run(self, query: Query) -> list[Any]:
        """Run a query without SQLAlchemy's connection, which would begin a transaction: see `databases.rows`."""
        cursor = self._connection.cursor()
        try:
            if query.parameters is None:
                cursor.execute(query.sql)
            elif isinstance(query.parameters, dict):
                cursor.execute(query.sql, {name: self._writable(value) for name, value in query.parameters.items()})
            else:
                cursor.execute(query.sql, tuple(map(self._writable, query.parameters)))
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()


def _moment(recorded: Any) -> str:
    """Return a time of the database, which is UTC, in the format of events."""
    text = recorded.isoformat(timespec="milliseconds") if isinstance(recorded, dt.datetime) else str(recorded)
    return text.replace(" ", "T") + "Z"


def _head(revision: str, record: Record) -> tuple[Any, ...]:
    """Return the row with index 0, which describes all statements."""
    head = json.dumps({"reason": record.reason, "state": record.state})
    return revision, 0, Kind.SETTING.value, "", record.server, Outcome.DONE.value, head, _NOTHING


def _row(revision: str, step: Step) -> tuple[Any, ...]:
    answer = f"[{_number(step.rowcount)}, {_number(step.lastrowid)}]"  # `json` takes six times as long
    is_definition = step.before or step.after
    definitions = json.dumps([step.before, step.after, step.line]) if is_definition else f"[{{}}, {{}}, {step.line}]"
    kind, outcome = step.kind.value, step.outcome.value
    return revision, step.index, kind, step.digest, step.statement, outcome, answer, definitions


def _number(value: int | None) -> str:
    return "null" if value is None else str(int(value))


def _step(row: Sequence[Any]) -> Step:
    _, index, kind, digest, statement, outcome, answer, definitions, _ = row
    rowcount, lastrowid = json.loads(answer)
    before, after, line = json.loads(definitions)
    return Step(index, Kind(kind), statement, Outcome(outcome), digest, rowcount, lastrowid, line, before, after)
