"""The target of each context that env.py migrates."""

from typing import TYPE_CHECKING

from orchestrator.migrations.position.target import Target
from orchestrator.migrations.scripts.alembic_scripts import resolve_target, tree_of
from orchestrator.migrations.scripts.env_file import EnvFile

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


class Targets:
    """Reads the tree of each directory of scripts once.

    Args:
        wanted: ORCHESTRATOR_TARGET.
        env: what is known of env.py.
    """

    def __init__(self, wanted: str, env: EnvFile) -> None:
        self._wanted, self._env = wanted, env
        self._found: dict[tuple[str, ...], Target] = {}

    def of(self, context: "MigrationContext") -> Target:
        """Return the target of a context, by the scripts that env.py has chosen for it."""
        scripts = context.script
        assert scripts  # noqa: S101  # env.py was run by an EnvironmentContext
        chosen = tuple(map(str, scripts.version_locations or ()))  # None for the usual place before Alembic 1.16
        if chosen not in self._found:
            tree = tree_of(scripts)
            self._found[chosen] = Target(tree, resolve_target(scripts, tree, self._wanted), self._env)
        return self._found[chosen]
