"""Reads the pending revisions of each context, records their SQL, and judges its effect on the existing tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.databases import backend_for
from orchestrator.log import REDACTOR
from orchestrator.migrations.position.lineage import Position
from orchestrator.migrations.position.target import Target
from orchestrator.migrations.scripts.alembic_scripts import alembic_config, load_scripts
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.upgrade.version_table import readable_position
from orchestrator.people.check.allowing import Allowances
from orchestrator.people.check.judging import Judge, cut
from orchestrator.people.check.model import Finding as Danger
from orchestrator.people.ddl.knowledge import knowledge_of
from orchestrator.people.ddl.reading import Sql
from orchestrator.people.plan.model import Database, Finding, Plan, Revision, Statement, Work
from orchestrator.people.plan.tables import Tables
from orchestrator.people.position import answers, explanation, shown
from orchestrator.people.recording.offline import configured_options, dialect_called, relative, without_driver
from orchestrator.people.recording.recorder import Recorder, Recording
from orchestrator.people.recording.recorder import Statement as Recorded
from orchestrator.people.session import Session
from orchestrator.people.survey import left_out_notes, survey
from orchestrator.runtime.concurrency import in_main_thread

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script

_READS = "it reads the database (line {line}): this is its SQL where nothing is found; with rows it may be another"
_STOPS = "it cannot run without a database, so the rest of its SQL is not known: {problem}{where}"
_KNOWN_BETTER = {"copies-table", "blocks-writes", "foreign-key"}
_INTERRUPTED = (
    "{revision} was interrupted, or runs now: a part of its statements is done. `orchestrator status` shows which; the "
    "next start continues it if that is proven to be safe, and refuses otherwise."
)
_NO_FILE = "The file does not exist; the first migration creates it."


async def read(session: Session) -> Plan:
    """Return the pending revisions of each database.

    Raises:
        StartupError: The settings, the scripts, the database or env.py prevent it.
    """
    target = await session.target()
    if session.missing_file:
        databases = [await in_main_thread(lambda: _to_be_created(session, target), name="env")]
    else:
        await session.look(answers)
        found, left_out = await survey(session, target, _database)
        databases = [replace(each, notes=[*each.notes, *left_out_notes(left_out)]) for each in found]
    return Plan(service=session.settings.service, version=session.settings.version, databases=databases)


def _database(context: "MigrationContext", name: str, target: Target, arguments: Mapping[str, Any]) -> Database:
    """Return the pending revisions of a context."""
    connection = context.connection
    assert connection  # noqa: S101  # only such contexts are attended
    assert context.script  # noqa: S101  # env.py was run by an EnvironmentContext
    assert context.environment_context  # noqa: S101  # same
    position = readable_position(context)
    standing = target.standing(position)
    dialect, version = backend_for(connection.dialect.name).describe(connection.dialect)
    config, written = context.environment_context.config, without_driver(connection.dialect)
    recorder = Recorder(config, context.script, written, context.opts)
    tables = Tables(connection)
    judge = _Judge(dialect, connection.dialect.server_version_info or (), tables)
    scripts = [context.script.get_revision(each.id) for each in standing.pending]
    rules = Judge(recorder, dialect, [arguments])
    pending = [_revision(script, recorder.record(script, arguments), judge, rules) for script in scripts]
    context.environment_context._install_proxy()  # noqa: SLF001  # recording has put another in its place
    return Database(
        context=name,
        database=shown(connection.engine.url),
        dialect=dialect,
        server_version=version,
        current=position.heads,
        head=target.revisions,
        explanation=explanation(standing, position, target),
        pending=pending,
        notes=[_INTERRUPTED.format(revision=each.revision) for each in _interrupted(position, pending)],
    )


def _interrupted(position: Position, pending: Sequence[Revision]) -> list[Revision]:
    begun = {each.revision for each in position.entries.values() if each.half_applied}
    return [each for each in pending if each.revision in begun]


def _to_be_created(session: Session, target: Target) -> Database:
    """Return all revisions for a database whose file does not exist: reading it would create the file."""
    credentials, settings, position = session.credentials, session.settings, Position(())
    url = credentials.own_address().url
    dialect = url.get_backend_name()
    config = alembic_config(AlembicFiles.of(settings), credentials.alembic_url(), settings.target)
    scripts, _ = load_scripts(config)
    options, _ = configured_options(config, scripts)
    recorder, standing = Recorder(config, scripts, dialect_called(dialect), options), target.standing(position)
    found = [scripts.get_revision(each.id) for each in standing.pending]
    judge, rules = _Judge(dialect, (), None), Judge(recorder, dialect, [{}])
    return Database(
        context="",
        database=shown(url),
        dialect=dialect,
        server_version="",
        current=(),
        head=target.revisions,
        explanation=explanation(standing, position, target),
        pending=[_revision(script, recorder.record(script), judge, rules) for script in found],
        notes=[_NO_FILE],
    )


def _revision(script: "Script", recording: Recording, judge: "_Judge", rules: Judge) -> Revision:
    problems = [_READS.format(line=recording.reads)] if recording.reads else []
    if recording.problem:
        where = f" (line {recording.line})" if recording.line else ""
        problems.append(_STOPS.format(problem=REDACTOR.text(recording.problem), where=where))
    found = Allowances.of(Path(script.path)).left(rules.found(script, recording))
    return Revision(
        revision=script.revision,
        description=script.doc.partition("\n")[0],
        path=relative(script.path),
        offline=not problems,
        problem="; ".join(problems),
        statements=_with_findings([judge.statement(each) for each in recording.statements], found),
    )


def _with_findings(statements: Sequence[Statement], found: Sequence[Danger]) -> list[Statement]:
    """Return the statements with the findings of the rules, except those about blocking: `work` describes it better."""
    beside = []
    for each in statements:
        of_it = [danger for danger in found if (danger.line, danger.statement) == (each.line, cut(each.sql))]
        told = [danger for danger in of_it if danger.code not in _KNOWN_BETTER]
        beside.append(replace(each, findings=[_finding(danger) for danger in told]))
    return beside


def _finding(danger: Danger) -> Finding:
    wanted = ("code", "severity", "message", "cure", "manual")
    return Finding(**{name: getattr(danger, name) for name in wanted})


class _Judge:
    """Judges statements one after the other. A table that the plan itself creates is empty."""

    def __init__(self, dialect: str, version: tuple[Any, ...], tables: Tables | None) -> None:
        self._dialect, self._tables = dialect, tables
        self._version = tuple(each for each in version if isinstance(each, int))

    def statement(self, recorded: Recorded) -> Statement:
        """Return a statement with its table and its work."""
        sql = Sql.of(recorded.sql)
        table = self._tables.of(sql) if self._tables and sql.table else None
        work = self._work(sql, self._tables) if self._tables and table and table.exists else None
        return Statement(
            sql=REDACTOR.text(recorded.sql),
            line=recorded.line,
            operation=recorded.operation,
            autocommit=recorded.autocommit,
            table=table,
            work=work,
            findings=[],
        )

    def _work(self, sql: Sql, tables: Tables) -> Work | None:
        knowledge = knowledge_of(self._dialect)
        effect = knowledge.effect_of(sql, self._dialect, self._version, lambda name: tables.column(sql.table, name))
        return Work(**vars(effect)) if effect else None
