"""Compares the database with this image: by the image's tree, and by the journal for revisions outside the tree.

Pure functions: callers pass the heads and the journal's rows. Every ancestor of a head counts as applied, even if its
row is unfinished: a person who repairs a half-applied revision by hand stamps it.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Self

from orchestrator.migrations.scripts.tree import Revision, Tree

LISTED = 10  # revisions named in one message


class Entry(NamedTuple):
    """One row of the journal. `down_revisions` are all revisions that this one needs."""

    revision: str
    down_revisions: tuple[str, ...]
    checksum: str
    app_version: str
    boot_id: str
    finished: bool
    statements_done: int = 0
    pending_statement: str = ""

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Return the entry for a row's columns, in the order of the attributes."""
        revision, needs, checksum, app_version, boot_id, finished, done, pending = row
        ids = tuple(filter(None, (needs or "").split(",")))
        return cls(revision, ids, checksum or "", app_version or "", boot_id or "", bool(finished), done, pending or "")

    @property
    def half_applied(self) -> bool:
        """Return whether the revision has begun and may have left changes: it was interrupted, or is running."""
        return not self.finished and bool(self.statements_done or self.pending_statement)


class Position(NamedTuple):
    """Where a database is.

    Attributes:
        heads: Alembic's, sorted.
        entries: the journal's rows, by revision.
        context: which of several databases, schemas or version tables; empty if there is only one.
    """

    heads: tuple[str, ...]
    entries: Mapping[str, Entry] = MappingProxyType({})
    context: str = ""


class Comparison(NamedTuple):
    """The database's position compared with a target.

    Attributes:
        lineage: empty if the database is at the target or on the way to it; `proven` if it has all that the target
            needs, and more; `unknown` if nothing proves that.
        reason: the case: `ahead`, `diverged` or `no_record`.
        difference: the same in words.
        pending: the missing revisions, in an order in which they can be applied.
        half_applied: revisions that have begun, may have left changes, and are not pending.
    """

    lineage: Literal["", "proven", "unknown"] = ""
    reason: Literal["", "ahead", "diverged", "no_record"] = ""
    difference: str = ""
    pending: Sequence[Revision] = ()
    half_applied: Sequence[str] = ()


def compare(tree: Tree, targets: Sequence[str], position: Position) -> Comparison:
    """Return how a database at `position` compares with `targets`, which are in the `tree`."""
    half = sorted(each.revision for each in position.entries.values() if each.half_applied)
    if not half and position.heads == tuple(targets):  # at head, the usual case, in a tree of thousands
        return Comparison(half_applied=half)
    has = applied(tree, position)
    pending = tree.pending(has, targets)
    expected = has | {each.id for each in pending}
    half = [revision for revision in half if revision not in expected]
    if not tree.unknown(position.heads) and (pending or not half):
        return Comparison(pending=pending, half_applied=half)
    reached, gaps = _ancestry(tree, position, [*position.heads, *half])
    if gaps:
        return Comparison("unknown", "no_record", _no_record(gaps))
    if pending:
        return Comparison("unknown", "diverged", _parting(tree, targets, reached, pending))
    return Comparison("proven", "ahead", _surplus(tree, reached, half), half_applied=half)


def applied(tree: Tree, position: Position) -> set[str]:
    """Return the revisions in the database: its heads and all that they need, as far as that is known."""
    return _ancestry(tree, position, position.heads)[0]


def changed_scripts(tree: Tree, position: Position) -> list[tuple[Entry, Revision]]:
    """Return the applied revisions whose script differs from the one in the journal."""
    known = tree.revisions
    differ = {
        entry.revision: entry
        for entry in position.entries.values()
        if entry.finished and entry.revision in known and "" != entry.checksum != known[entry.revision].checksum != ""
    }
    if not differ:  # the usual case
        return []
    has = applied(tree, position)
    return [(differ[each.id], each) for each in tree.ordered if each.id in differ and each.id in has]


def repaired(tree: Tree, position: Position) -> list[str]:
    """Return the applied revisions that were interrupted, and then finished and stamped by hand."""
    has = applied(tree, position)
    return sorted(identity for identity in has & position.entries.keys() if not position.entries[identity].finished)


def _ancestry(tree: Tree, position: Position, revisions: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return these revisions with all they need, and those among them that neither tree nor journal describes."""
    found: set[str] = set()
    gaps: set[str] = set()
    waiting = list(revisions)
    while waiting:
        identity = waiting.pop()
        if identity in found:
            continue
        found.add(identity)
        if identity in tree.revisions:
            waiting += tree.revisions[identity].needs
        elif identity in position.entries:
            waiting += position.entries[identity].down_revisions
        else:
            gaps.add(identity)
    return found, gaps


def _no_record(gaps: set[str]) -> str:
    return (
        f"the lineage of {_some(gaps)} is not known: this image does not have it, and the journal has no row of it "
        "(it was applied by something else, or before there was a journal, or we may not read the journal)"
    )


def _parting(tree: Tree, targets: Sequence[str], reached: set[str], pending: Iterable[Revision]) -> str:
    lacks = _some(each.id for each in pending)
    common = reached & tree.lineage(targets)
    last = common - {needed for identity in common for needed in tree.revisions[identity].needs}
    where = f"they part after {_some(last)}" if last else "they have nothing in common"
    return f"the database has {_some(reached - tree.revisions.keys())}, and this image has {lacks} instead: {where}"


def _surplus(tree: Tree, reached: set[str], half: Sequence[str]) -> str:
    told = "the database has all that this image needs"
    if more := reached - tree.revisions.keys() - set(half):
        told += f", and {_some(more)}"
    return f"{told}; {_some(half)} is half applied, or is being applied" if half else told


def _some(revisions: Iterable[str]) -> str:
    """Return revisions for a message."""
    names = sorted(revisions)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
