"""How a database stands to this image: by this image's tree, and by the journal where the tree does not know.

Pure: the heads and the journal's rows come from whoever has looked. A revision that is reached from the heads is in the
database, whatever its row says: who repairs a half applied revision by hand stamps it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from orchestrator.migrations.scripts.tree import Revision, Tree

LISTED = 10  # revisions named in one message


@dataclass(frozen=True)
class Entry:
    """One row of the journal; `down_revisions` are all that the revision needs."""

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
        """From its columns, in the order of the attributes."""
        revision, needs, checksum, app_version, boot_id, finished, done, pending = row
        ids = tuple(filter(None, (needs or "").split(",")))
        return cls(revision, ids, checksum or "", app_version or "", boot_id or "", bool(finished), done, pending or "")

    @property
    def half_applied(self) -> bool:
        """Whether it was begun and may have left something: it was interrupted, or runs now."""
        return not self.finished and bool(self.statements_done or self.pending_statement)


@dataclass(frozen=True)
class Position:
    """Where a database is.

    Attributes:
        heads: Alembic's, sorted.
        entries: the journal's rows, by revision.
        context: which of several databases, schemas or version tables it is; empty where there is one only.
    """

    heads: tuple[str, ...]
    entries: Mapping[str, Entry] = field(default_factory=dict)
    context: str = ""


@dataclass(frozen=True)
class Comparison:
    """How a database stands to a target.

    Attributes:
        lineage: empty when it is at the target or on the way there; `proven` when it has all that the target needs, and
            more; `unknown` when nothing proves that.
        reason: which case of that it is: `ahead`, `diverged` or `no_record`.
        difference: the same in words.
        pending: what it lacks on the way, in an order that can be applied.
        half_applied: what was begun in it, may have left something, and is not pending.
    """

    lineage: Literal["", "proven", "unknown"] = ""
    reason: Literal["", "ahead", "diverged", "no_record"] = ""
    difference: str = ""
    pending: Sequence[Revision] = ()
    half_applied: Sequence[str] = ()


def compare(tree: Tree, targets: Sequence[str], position: Position) -> Comparison:
    """How a database at `position` stands to `targets`, which are in the `tree`."""
    has, _ = _ancestry(tree, position, position.heads)
    pending = tree.pending(has, targets)
    expected = has | {each.id for each in pending}
    half = sorted(each.revision for each in position.entries.values() if each.half_applied)
    half = [revision for revision in half if revision not in expected]
    if not tree.unknown(position.heads) and (pending or not half):
        return Comparison(pending=pending, half_applied=half)
    reached, gaps = _ancestry(tree, position, [*position.heads, *half])
    if gaps:
        return Comparison("unknown", "no_record", _no_record(gaps))
    if pending:
        return Comparison("unknown", "diverged", _parting(tree, targets, reached, pending))
    return Comparison("proven", "ahead", _surplus(tree, reached, half), half_applied=half)


def changed_scripts(tree: Tree, position: Position) -> list[tuple[Entry, Revision]]:
    """Revisions in the database whose script is not the one any more that the journal has seen."""
    has, _ = _ancestry(tree, position, position.heads)
    finished = {identity: entry for identity, entry in position.entries.items() if entry.finished and identity in has}
    both = [(finished[each.id], each) for each in tree.ordered if each.id in finished]
    return [(entry, each) for entry, each in both if "" != entry.checksum != each.checksum != ""]


def repaired(tree: Tree, position: Position) -> list[str]:
    """Revisions in the database that were interrupted, and finished by somebody else, who stamped them."""
    has, _ = _ancestry(tree, position, position.heads)
    return sorted(identity for identity in has & position.entries.keys() if not position.entries[identity].finished)


def _ancestry(tree: Tree, position: Position, revisions: Iterable[str]) -> tuple[set[str], set[str]]:
    """These revisions and all that they need, and those among them of which neither tree nor journal tells more."""
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
    """Revisions for a message."""
    names = sorted(revisions)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
