"""Where the database should be, and whether it is there."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from orchestrator.errors import DatabaseAhead, DatabaseAheadTolerated, StartupError
from orchestrator.events import ChecksumChanged, Event, MigrationsCurrent
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.position.lineage import Comparison, Position, changed_scripts, compare
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.env_file import EnvFile
from orchestrator.migrations.scripts.files import DynamicIds, NeedsAlembic, read_tree
from orchestrator.migrations.scripts.locations import env_file, script_directory
from orchestrator.migrations.scripts.manifest import advise_freezing, read_manifest
from orchestrator.migrations.scripts.of_app import app_has_configuration
from orchestrator.migrations.scripts.tree import Tree, names
from orchestrator.settings.model import Settings

CHANGES_TOLD = 20  # changed scripts in the events: reformatting a tree changes all of them
_HINTS = {
    "diverged": "Deploy an image that has both, joined by `alembic merge heads`.",
    "half_applied": "Deploy the image that has the half applied revision: it continues that revision.",
}


class Target(NamedTuple):
    """This image's tree, the revisions that ORCHESTRATOR_TARGET names, and what env.py proves."""

    tree: Tree
    revisions: tuple[str, ...]
    env: EnvFile = EnvFile()

    def told_by_env(self) -> "Target":
        """Return the same target, after env.py itself has given its database's address."""
        return self._replace(env=self.env._replace(own_address=""))

    def standing(self, position: Position) -> Comparison:
        """Return how a database compares with the target."""
        return compare(self.tree, self.revisions, position)


def read_target(settings: Settings, credentials: Credentials) -> Target:
    """Return the target from the manifest, from the files if they are plain, or from Alembic.

    Raises:
        StartupError: with MigrationTreeInvalid.
    """
    files = AlembicFiles.of(settings)
    env = env_file(files)
    if env.own_scripts:
        return Target(Tree({}), (), env)
    try:
        tree = read_manifest(files) or read_tree(files)
        revisions = tree.targets(settings.target)
    except DynamicIds:
        return _read_by_alembic(files, settings, credentials, env)
    except NeedsAlembic:
        advise_freezing(files)
        return _read_by_alembic(files, settings, credentials, env)
    return _read_by_alembic(files, settings, credentials, env) if revisions is None else Target(tree, revisions, env)


def env_may_tell(settings: Settings) -> bool:
    """Return whether there is an env.py, which may give the address."""
    try:
        AlembicFiles.of(settings)
    except StartupError:
        return app_has_configuration(settings)
    return True


def env_is_asynchronous(settings: Settings) -> bool | None:
    """Return whether env.py uses an asynchronous engine; None if it cannot be read.

    An asynchronous one must call `run_sync`: https://alembic.sqlalchemy.org/en/latest/cookbook.html#using-asyncio-with-alembic.
    """
    try:
        directory = script_directory(AlembicFiles.of(settings))
        return b"run_sync" in (directory / "env.py").read_bytes() if directory else None
    except (StartupError, OSError):
        return None


def _read_by_alembic(files: AlembicFiles, settings: Settings, credentials: Credentials, env: EnvFile) -> Target:
    from orchestrator.migrations.scripts import alembic_scripts

    config = alembic_scripts.alembic_config(files, credentials.alembic_url(), settings.target)
    scripts, tree = alembic_scripts.load_scripts(config)
    return Target(tree, alembic_scripts.resolve_target(scripts, tree, settings.target), env)


class Place:
    """Where a database is, and where it should be."""

    def __init__(self, target: Target, position: Position) -> None:
        self.target, self.position = target, position

    @cached_property
    def standing(self) -> Comparison:
        """Return how the two compare."""
        return self.target.standing(self.position)


def at_head(place: Place, when_ahead: Literal["serve", "fail"]) -> Iterator[Event]:
    """Return the events for a database in which no revision is pending.

    Raises:
        StartupError: with DatabaseAhead, as `tolerated`.
    """
    target, position = place.target, place.position
    told: dict[str, Any] = {"context": position.context}
    yield from (replace(each, **told) for each in changes(target, position))
    if not target.standing(position).lineage:
        current, head = names(position.heads), names(target.revisions)
        yield MigrationsCurrent(current_revision=current, head_revision=head, **told)
    if ahead := tolerated(target, position, when_ahead):
        yield ahead


def changes(target: Target, position: Position) -> list[ChecksumChanged]:
    """Return the events for scripts that were changed after they were applied."""
    changed = changed_scripts(target.tree, position)
    return [
        ChecksumChanged(
            revision=revision.id,
            checksum_applied=entry.checksum,
            checksum_now=revision.checksum,
            applied_by=entry.app_version or "unknown",
            changed_count=len(changed),
        )
        for entry, revision in changed[:CHANGES_TOLD]
    ]


def tolerated(
    target: Target, position: Position, when_ahead: Literal["serve", "fail"]
) -> DatabaseAheadTolerated | None:
    """Return the event for a database that is ahead and may be so; None if it is not ahead.

    Raises:
        StartupError: with DatabaseAhead: it may not be, or nothing proves that it descends from this image's head.
    """
    standing = target.standing(position)
    if not standing.lineage:
        return None
    told = {
        "context": position.context,
        "error_type": standing.reason,
        "error_message": standing.difference,
        "hint": _HINTS.get("half_applied" if standing.half_applied else standing.reason, ""),
        "current_revision": names(position.heads),
        "head_revision": names(target.revisions),
        "lineage": standing.lineage,
    }
    if standing.lineage == "unknown" or when_ahead == "fail":
        raise StartupError(DatabaseAhead(**told))
    return DatabaseAheadTolerated(**told)
