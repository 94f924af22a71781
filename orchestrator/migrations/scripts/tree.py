"""The revisions of this image and how they descend from each other; knows nothing of files, Alembic or databases."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from orchestrator.errors import MigrationTreeInvalid, StartupError


@dataclass(frozen=True)
class Revision:
    """One script: its id, what it follows, what must be applied before it as well, and a SHA-256 of its file."""

    id: str
    follows: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    description: str = ""
    checksum: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Everything that must be in the database before it."""
        return self.follows + self.depends_on


@dataclass(frozen=True)
class Tree:
    """All revisions, by id."""

    revisions: Mapping[str, Revision]

    @classmethod
    def of(cls, revisions: Iterable[Revision]) -> "Tree":
        """A tree without gaps and circles.

        Raises:
            StartupError: with MigrationTreeInvalid: an id twice, a missing ancestor, a circle.
        """
        by_id: dict[str, Revision] = {}
        for revision in revisions:
            if revision.id in by_id:
                raise invalid("duplicate_revision", f"revision {revision.id} exists twice")
            by_id[revision.id] = revision
        for revision in by_id.values():
            for needed in revision.needs:
                if needed not in by_id:
                    raise invalid("broken_chain", f"revision {revision.id} needs {needed}, which does not exist")
        tree = cls(by_id)
        if len(tree.ordered) < len(by_id):
            circle = ", ".join(sorted(set(by_id) - {each.id for each in tree.ordered}))
            raise invalid("broken_chain", f"these revisions need each other in a circle: {circle}")
        return tree

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """The revisions that none follows, sorted."""
        followed = {each for revision in self.revisions.values() for each in revision.follows}
        return tuple(sorted(set(self.revisions) - followed))

    @cached_property
    def ordered(self) -> tuple[Revision, ...]:
        """Every revision after all that it needs (those in a circle are missing)."""
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
        """These revisions and everything that they need, as far as it is known here."""
        found: set[str] = set()
        waiting = list(identities)
        while waiting:
            identity = waiting.pop()
            if identity in self.revisions and identity not in found:
                found.add(identity)
                waiting += self.revisions[identity].needs
        return found

    def targets(self, target: str) -> tuple[str, ...] | None:
        """The revisions that `target` stands for; None for a name (part of an id, a branch) that only Alembic resolves.

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
        """What is missing in a database at `current` to be at `targets`, in an order that can be applied."""
        missing = self.lineage(targets) - self.lineage(current)
        return [revision for revision in self.ordered if revision.id in missing]

    def unknown(self, current: Iterable[str]) -> list[str]:
        """The heads of a database that this image does not have."""
        return [identity for identity in current if identity not in self.revisions]


def invalid(error_type: str, message: str, *, hint: str = "") -> StartupError:
    """The error for a tree that cannot be used."""
    return StartupError(MigrationTreeInvalid(error_type=error_type, error_message=message, hint=hint))


def names(heads: Iterable[str]) -> str:
    """Heads for an event: joined by commas, `base` for none."""
    return ",".join(heads) or "base"
