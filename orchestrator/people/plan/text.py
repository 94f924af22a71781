"""Formats the answer of `plan` for people: each pending revision, its statements, and their effect on the tables."""

import textwrap
from collections.abc import Iterator

from orchestrator.people.columns import facts
from orchestrator.people.ddl.reading import Sql
from orchestrator.people.plan.model import Database, Plan, Revision, Statement, Table

_BIG = 1024
_UNITS = ("bytes", "KB", "MB", "GB", "TB")
_WIDTH = 118


def text(plan: Plan) -> str:
    """Return the text to print."""
    if not plan.databases:
        return "env.py migrates no database: it has called run_migrations() for none.\n"
    return "\n".join("\n".join(_block(each)) + "\n" for each in plan.databases)


def script(plan: Plan) -> str:
    """Return only the SQL, with comments that name the revision; without the version table and the journal."""
    parts = []
    for database in plan.databases:
        parts.append(f"-- {_name(database)}: {database.explanation}\n")
        for each in database.pending:
            parts.append(f"\n-- {each.revision}: {each.description}\n")
            parts += [f"-- note: {each.problem}\n"] if each.problem else []
            parts += [f"{statement.sql};\n" for statement in each.statements]
    return "".join(parts)


def _name(database: Database) -> str:
    context = f"{database.context}: " if database.context else ""
    version = f" {database.server_version}" if database.server_version else ""
    return f"{context}{database.database} ({database.dialect}{version})"


def _block(database: Database) -> Iterator[str]:
    yield _name(database)
    yield from facts([("", database.explanation)])
    for number, each in enumerate(database.pending, start=1):
        yield ""
        yield f"  {number}. {each.revision}  {each.description}"
        yield f"     {each.path}"
        yield from _revision(each)
    if database.notes:
        yield ""
        yield from facts((("note", each) for each in database.notes), indent="  ")


def _revision(revision: Revision) -> Iterator[str]:
    for each in revision.statements:
        yield ""
        yield f"     {each.operation}{f', line {each.line}' if each.line else ''}"
        yield from textwrap.indent(each.sql, "       ").splitlines()
        if words := _work(each):
            yield from facts([("->", words)], indent="       ")
        for found in each.findings:
            yield from facts([("!", f"{found.code}: {found.message} {found.cure}")], indent="       ")
    if revision.problem:
        yield ""
        yield from facts([("note", revision.problem)], indent="     ")
    elif not revision.statements:
        yield "     no statement"


def _work(statement: Statement) -> str:
    """Return the effect of a statement on its table."""
    parts = []
    if statement.work:
        sure = "" if statement.work.sure else "probably "
        rebuilds = ", every row is written again" if statement.work.rebuilds else ""
        parts.append(f"{sure}{statement.work.algorithm}{rebuilds}; blocks {statement.work.blocks}")
        parts += [statement.work.reason] if statement.work.reason else []
    if statement.table and Sql.of(statement.sql).verb == "create table":
        parts.append(f"{statement.table.name} exists already: this statement will fail")
    elif statement.table:
        parts.append(_size(statement.table))
    return "; ".join(parts)


def _size(table: Table) -> str:
    if not table.exists:
        return f"{table.name} is new"
    rows = "" if table.rows is None else f" about {table.rows:,} {'row' if table.rows == 1 else 'rows'}"
    size = "" if table.bytes is None else f" {_bytes(table.bytes)}"
    return (
        f"{table.name}:{rows}{',' if rows and size else ''}{size}" if rows or size else f"{table.name}: size not known"
    )


def _bytes(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < _BIG:
            return f"{count:.0f} {unit}"
        count /= _BIG
    return f"{count:.0f} {_UNITS[-1]}"
