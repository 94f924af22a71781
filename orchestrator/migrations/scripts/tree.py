"""The revisions of this image and their ancestry; independent of files, Alembic and databases."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from orchestrator.errors import MigrationTreeInvalid, StartupError


class Revision(NamedTuple):
    """One script: its id, its parents, its further dependencies, and the SHA-256 of its file."""

    id: str
    follows: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    description: str = ""
    checksum: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Return all revisions that must be applied before this one."""
        return self.follows + self.depends_on


class Tree:
    """All revisions, by id."""

    def __init__(self, revisions: Mapping[str, Revision]) -> None:
        self.revisions = revisions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self.revisions == other.revisions

    def __hash__(self) -> int:
        return hash(frozenset(self.revisions))

    @classmethod
    def of(cls, revisions: Iterable[Revision]) -> "Tree":
        """Return a tree, checked for gaps and cycles.

        Raises:
            StartupError: with MigrationTreeInvalid: a duplicate id, a missing ancestor, or a cycle.
        """
        by_id: dict[str, Revision] = {}
        in_order = True
        for revision in revisions:
            if revision.id in by_id:
                raise invalid("duplicate_revision", f"revision {revision.id} exists twice")
            for needed in revision.needs:
                in_order = in_order and needed in by_id
            by_id[revision.id] = revision
        tree = cls(by_id)
        if not in_order:  # a manifest names each one after all that it needs, which shows both
            tree._check()
        return tree

    def _check(self) -> None:
        """Check for gaps and cycles."""
        for revision in self.revisions.values():
            for needed in revision.needs:
                if needed not in self.revisions:
                    raise invalid("broken_chain", f"revision {revision.id} needs {needed}, which does not exist")
        if len(self.ordered) < len(self.revisions):
            circle = ", ".join(sorted(set(self.revisions) - {each.id for each in self.ordered}))
            raise invalid("broken_chain", f"these revisions need each other in a circle: {circle}")

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """Return the revisions without a child, sorted."""
        followed = {each for revision in self.revisions.values() for each in revision.follows}
        return tuple(sorted(set(self.revisions) - followed))

    @cached_property
    def ordered(self) -> tuple[Revision, ...]:
        """Return the revisions, each after all that it needs. Those in a cycle are missing."""
        ordered: list[Revision] = []
        missing = {each.id: len(set(each.needs)) for each in self.revisions.values()}
        children: dict[str, list[str]] = {}
        for revision in self.revisions.values():
            for needed in set(revision.needs):
                children.setdefault(needed, []).append(revision.id)
        ready = sorted((identity for identity, count in missing.items() if not count), reverse=True)
        while ready:
            identity = ready.pop()
            ordered.append(self.revisions[identity])
            for child in sorted(children.get(identity, ()), reverse=True):
                missing[child] -= 1
                if not missing[child]:
                    ready.append(child)
        return tuple(ordered)

    def lineage(self, identities: Iterable[str]) -> set[str]:
        """Return these revisions and all their known ancestors and dependencies."""
        found: set[str] = set()
        waiting = list(identities)
        while waiting:
            identity = waiting.pop()
            if identity in self.revisions and identity not in found:
                found.add(identity)
                waiting += self.revisions[identity].needs
        return found

    def targets(self, target: str) -> tuple[str, ...] | None:
        """Return the revisions that `target` names; None for a partial id or a branch, which only Alembic resolves.

        Raises:
            StartupError: with MigrationTreeInvalid: `head` with several heads.
        """
        if target == "heads":
            return self.heads
        if target != "head":
            return (target,) if target in self.revisions else None
        if len(self.heads) > 1:
            raise invalid(
                "several_heads",
                f"there are {len(self.heads)} heads: {', '.join(self.heads)}",
                hint="Join them with `alembic merge heads`, or set ORCHESTRATOR_TARGET=heads if several are meant.",
            )
        return self.heads

    def pending(self, current: Iterable[str], targets: Iterable[str]) -> list[Revision]:
        """Return the revisions that lead from `current` to `targets`, in an order in which they can be applied."""
        current, targets = set(current), set(targets)
        if targets <= current:  # at head, the usual case, in a tree of thousands
            return []
        missing = self.lineage(targets) - self.lineage(current)
        return [revision for revision in self.ordered if revision.id in missing]

    def unknown(self, current: Iterable[str]) -> list[str]:
        """Return the database's heads that this image does not have."""
        return [identity for identity in current if identity not in self.revisions]


def invalid(error_type: str, message: str, *, hint: str = "") -> StartupError:
    """Return the error for a tree that cannot be used."""
    return StartupError(MigrationTreeInvalid(error_type=error_type, error_message=message, hint=hint))


def names(heads: Iterable[str]) -> str:
    """Return heads for an event: joined by commas; `base` if the database has no revision."""
    return ",".join(heads) or "base"
