"""`status` for people: a block for each database, with its facts and a table of its revisions."""

from collections.abc import Iterator

from orchestrator.people.columns import columns, facts
from orchestrator.people.status.model import Connection, Database, Lock, Run, Status

LISTED = 15  # rows of the journal; --json has all
_WORDS = {
    "at_head": "at head",
    "behind": "behind",
    "half_applied": "half applied",
    "ahead": "ahead of this image",
    "unknown": "of unknown lineage",
}
_DOING = {
    "running": "running",
    "idle": "idle",
    "gone": "running without its client",
    "unknown": "what it does is not visible",
}
_TABLE = ("revision", "state", "when (UTC)", "took", "version", "description")


def text(found: Status) -> str:
    """Return the text to print."""
    if not found.databases:
        return "env.py migrates no database: it has called run_migrations() for none.\n"
    return "\n".join("\n".join(_block(each)) + "\n" for each in found.databases)


def _block(database: Database) -> Iterator[str]:
    name = f"{database.context}: " if database.context else ""
    server = f"{database.dialect} {database.server_version}".rstrip()  # without a version until the file exists
    yield f"{name}{database.database} ({server})"
    yield from facts(_facts(database), indent="  ")
    for run in database.history:
        if run.state in {"interrupted", "running"}:
            yield from _interrupted(run)
    if rows := [*_revisions(database)]:
        yield ""
        yield from columns([_TABLE, *rows], indent="  ")
    if database.notes:
        yield ""
        yield from facts((("note", each) for each in database.notes), indent="  ")


def _facts(database: Database) -> Iterator[tuple[str, str]]:
    yield "state", f"{_WORDS[database.state]}: {database.explanation}"
    yield "current", ", ".join(database.current) or "none: no revision was applied"
    yield "head", ", ".join(database.head) or "none: there are no revisions"
    yield from _lock(database.lock)
    if database.changed:
        yield "changed", f"the scripts of {', '.join(database.changed)} are not the ones that were applied"


def _lock(lock: Lock) -> Iterator[tuple[str, str]]:
    yield "lock", f"held by {_doing(lock.holder)}" if lock.holder else "free"
    progress = f" ({lock.progress_percent:.0f} %)" if lock.progress_percent is not None else ""
    if lock.progress or progress:
        yield "progress", f"{lock.progress}{progress}"
    if lock.blocked_by:
        yield "blocked", f"by {lock.blocked_by}"
    for each in lock.waiting:
        yield "waiting", each.summary


def _doing(connection: Connection) -> str:
    told = f"{connection.summary}; {_DOING[connection.state]}"
    if connection.state != "unknown":
        told += f" for {connection.seconds:.0f} s"
    return f"{told}: {connection.statement}" if connection.statement else told


def _interrupted(run: Run) -> Iterator[str]:
    """Describe how far an unfinished revision came."""
    done = f"{run.statements_done} {'statement' if run.statements_done == 1 else 'statements'} done"
    what = "runs now" if run.state == "running" else "was interrupted"
    yield ""
    version = f" by version {run.app_version}" if run.app_version else ""
    yield from facts([("", f"{run.revision} {what}: {done}, begun {_when(run.started_at)}{version}")])
    rows = [("done", each) for each in run.statements[: run.statements_done]]
    if run.pending_statement:
        rows.append(("begun", run.pending_statement))
    yield from columns(rows, indent="    ")


def _revisions(database: Database) -> Iterator[tuple[str, ...]]:
    """Return the rows of the table: first the applied revisions, then the pending ones."""
    if (earlier := len(database.history) - LISTED) > 0:
        yield (f"({earlier} earlier: --json)", "", "", "", "", "")
    for run in database.history[-LISTED:]:
        took = "" if run.duration_seconds is None else f"{run.duration_seconds:.2f} s"
        yield (
            run.revision,
            run.state.replace("_", " "),
            _when(run.finished_at or run.started_at),
            took,
            run.app_version,
            run.description,
        )
    begun = {run.revision for run in database.history if run.state in {"running", "interrupted"}}
    for each in database.pending:
        if each.revision not in begun:
            yield each.revision, "pending", "", "", "", each.description


def _when(moment: str) -> str:
    return moment[:19].replace("T", " ")
