"""Records the statements that `upgrade()` of a revision would execute, in Alembic's offline mode.

See https://alembic.sqlalchemy.org/en/latest/offline.html. There is no database: a revision that reads gets empty
results, and the recording notes that, because its SQL may differ if there are rows.
"""

import contextlib
import functools
import importlib.util
import inspect
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext

from orchestrator.migrations.journal.index_order import same_index_order
from orchestrator.people.guard import READS, nothing_changed
from orchestrator.people.recording import another_time
from orchestrator.people.recording.another_time import later
from orchestrator.people.recording.answers import Answering
from orchestrator.people.recording.marks import current, marked, running_line
from orchestrator.people.recording.sessions import answered_sessions

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy.engine import Dialect

_OWN = ("BEGIN", "COMMIT")
_OPTIONS = ("target_metadata", "include_schemas", "version_table", "version_table_schema", "render_item")


@dataclass(frozen=True)
class Statement:
    """One statement of a revision.

    Attributes:
        sql: without its terminator; with the values in it, if they can be written so.
        line: in the script; 0 if unknown.
        operation: Alembic's name of its operation, such as `add_column`; `execute` for SQL that the revision wrote.
        column: for an `alter_column`: the column's previous state, as far as the revision gives it.
        autocommit: it is inside an `autocommit_block()`.
    """

    sql: str
    line: int
    operation: str
    column: Mapping[str, str] = field(default_factory=dict)
    autocommit: bool = False


@dataclass
class Recording:
    """The statements that a revision would execute.

    Attributes:
        statements: in their order.
        reads: the line of the first statement that reads; 0 if none does.
        problem: why the rest is unknown: the exception of `upgrade()` without a database; empty if it ended.
        line: the line of the script that raised it; 0 if unknown.
    """

    statements: list[Statement] = field(default_factory=list)
    reads: int = 0
    problem: str = ""
    line: int = 0


class Recorder:
    """Records revisions of a tree.

    Args:
        config: Alembic's.
        scripts: The tree.
        dialect: The dialect of the SQL; its version counts, if a server gave it.
        options: env.py's options for `context.configure`.
    """

    def __init__(
        self, config: "Config", scripts: "ScriptDirectory", dialect: "Dialect", options: Mapping[str, Any]
    ) -> None:
        self._config, self._scripts, self._dialect = config, scripts, dialect
        self._options = {name: options[name] for name in _OPTIONS if options.get(name) is not None}

    def record(
        self,
        script: "Script",
        arguments: Mapping[str, Any] | None = None,
        *,
        afresh: bool = False,
        present: bool = False,
    ) -> Recording:
        """Return what a revision would execute.

        Args:
            script: The revision.
            arguments: What its `upgrade()` gets, as from `run_migrations`.
            afresh: Load the script again, so that its module-level state from an earlier recording does not count.
            present: Pretend that each table it looks for exists; otherwise, that no table exists.
        """
        path = str(script.path)
        try:
            upgrade = (_loaded(path) if afresh else script.module).upgrade
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a script raises when it is loaded again
            return Recording(problem=_told(error), line=_line_of(error, path))
        run = functools.partial(self._record, path, upgrade, arguments or {}, present=present)
        with later() if afresh else contextlib.nullcontext():
            recording = run(literals=True)
        if recording.problem.startswith("CompileError"):  # a value that cannot be written as a literal
            recording = run(literals=False)
        return recording

    def _record(
        self, path: str, upgrade: Any, arguments: Mapping[str, Any], *, present: bool, literals: bool
    ) -> Recording:
        recording = Recording()
        environment = EnvironmentContext(self._config, self._scripts, as_sql=True)
        noting = _Noting(recording, path, self._dialect)
        context = self._context(environment, noting, present=present, literals=literals)
        environment._migration_context = context  # noqa: SLF001  # what `configure` would set
        try:
            with environment, Operations.context(context), marked(path), _quiet():
                upgrade(**arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a revision raises without a database
            missing = _missing_arguments(upgrade, arguments)
            recording.problem = missing or _told(error)
            recording.line = _line_of(error, path)
        return recording

    def _context(
        self, environment: EnvironmentContext, noting: "_Noting", *, present: bool, literals: bool
    ) -> MigrationContext:
        options = {**self._options, "as_sql": True, "output_buffer": io.StringIO(), "literal_binds": literals}
        context = MigrationContext.configure(dialect=self._dialect, environment_context=environment, opts=options)
        context.impl.static_output = noting.note  # type: ignore[method-assign]  # of this instance
        context.autocommit_block = noting.autocommit_block  # type: ignore[method-assign]  # same
        bind: Any = Answering(self._dialect, context.impl._exec, noting.read, present=present)  # noqa: SLF001  # as Alembic's own
        context.connection = context.impl.connection = bind
        return context


def _loaded(path: str) -> Any:
    """Load the script again as a second module, with a later clock."""
    spec = importlib.util.spec_from_file_location("orchestrator_recorded_revision", path)
    assert spec  # noqa: S101  # Alembic has loaded it
    assert spec.loader  # noqa: S101  # same
    module = importlib.util.module_from_spec(spec)
    with later():
        spec.loader.exec_module(module)
    another_time.move(module)
    return module


class _Noting:
    """Records the statements of a run."""

    def __init__(self, recording: Recording, path: str, dialect: "Dialect") -> None:
        self._recording, self._path, self._dialect = recording, path, dialect
        self._autocommit = False

    def note(self, text: str) -> None:
        sql = text.strip().removesuffix(";").strip()
        if sql and sql not in _OWN:
            mark = current(self._path)
            column = mark.column(self._dialect)
            self._recording.statements.append(Statement(sql, mark.line, mark.name, column, self._autocommit))

    def read(self, sql: str) -> None:
        if READS.match(sql) and not self._recording.reads:
            self._recording.reads = running_line(self._path) or 1

    @contextlib.contextmanager
    def autocommit_block(self) -> Iterator[None]:
        self._autocommit = True
        try:
            yield
        finally:
            self._autocommit = False


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the revision from changing a database, and suppress warnings about values that are written as literals."""
    with warnings.catch_warnings(), nothing_changed(), same_index_order(), answered_sessions():
        warnings.simplefilter("ignore")
        yield


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _line_of(error: BaseException, path: str) -> int:
    lines = [0]
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


def _missing_arguments(upgrade: Any, arguments: Mapping[str, Any]) -> str:
    """Return the names of the arguments that `upgrade()` needs and only env.py knows."""
    try:
        inspect.signature(upgrade).bind(**arguments)
    except TypeError as error:
        return f"upgrade() is given arguments by env.py: {error}"
    except ValueError:
        return ""
    return ""
