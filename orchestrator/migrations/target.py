"""Where the database is to be, and whether it is there."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.credentials import Credentials
from orchestrator.errors import DatabaseAhead, StartupError
from orchestrator.migrations.files import AlembicFiles, Unclear, read_tree
from orchestrator.migrations.tree import Revision, Tree, names
from orchestrator.settings import Settings


@dataclass(frozen=True)
class Target:
    """This image's tree, and the revisions in it that ORCHESTRATOR_TARGET stands for."""

    tree: Tree
    revisions: tuple[str, ...]

    def pending(self, heads: Sequence[str]) -> list[Revision]:
        """What a database at `heads` lacks, in an order that can be applied."""
        return self.tree.pending(heads, self.revisions)


def read_target(settings: Settings, credentials: Credentials) -> Target:
    """The target, from the files where they are plain, else from Alembic.

    Raises:
        StartupError: with MigrationTreeInvalid.
    """
    files = AlembicFiles.find(settings.alembic_config)
    try:
        tree = read_tree(files)
        revisions = tree.targets(settings.target)
    except Unclear:
        return _read_by_alembic(files, settings, credentials)
    return _read_by_alembic(files, settings, credentials) if revisions is None else Target(tree, revisions)


def _read_by_alembic(files: AlembicFiles, settings: Settings, credentials: Credentials) -> Target:
    from orchestrator.migrations import alembic_tree

    scripts, tree = alembic_tree.load_scripts(alembic_tree.alembic_config(files, credentials.migration_url()))
    return Target(tree, alembic_tree.resolve_target(scripts, tree, settings.target))


def refuse_unknown(target: Target, heads: Sequence[str]) -> None:
    """Never guess about a database at a revision that this image does not have.

    Raises:
        StartupError: with DatabaseAhead.
    """
    if target.tree.unknown(heads):
        raise StartupError(
            DatabaseAhead(
                error_type="database_ahead",
                error_message="nothing proves that the database's revision descends from this image's head",
                current_revision=names(heads),
                head_revision=names(target.revisions),
                lineage="unknown",
            )
        )
