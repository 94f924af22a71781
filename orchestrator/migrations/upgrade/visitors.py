"""What happens when env.py calls `run_migrations`: pending revisions are applied, or only counted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator.migrations.position.target import Place
from orchestrator.migrations.upgrade.context_run import ContextRun
from orchestrator.migrations.upgrade.environment import Steps
from orchestrator.migrations.upgrade.shared import Shared
from orchestrator.migrations.upgrade.support import refuse_unsupported
from orchestrator.migrations.upgrade.version_table import readable_position
from orchestrator.runtime.stop import StopAsked

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from orchestrator.migrations.upgrade.runner import Upgrade


class Left(BaseException):
    """Leaves env.py at the point where it would migrate: its later statements expect a database at head."""


@dataclass
class Upgrading:
    """A run of env.py that applies pending revisions."""

    upgrade: "Upgrade"
    shared: Shared

    def configured(self, options: dict[str, Any]) -> None:
        """Commit each revision by itself, unless env.py configures otherwise, and register for Alembic's stamps."""
        options.setdefault("transaction_per_migration", True)
        options["on_version_apply"] = (*_several(options.get("on_version_apply")), self._stamped)

    def migrate(self, context: "MigrationContext", arguments: dict[str, Any], run: Callable[[Steps], None]) -> None:
        """Apply the pending revisions of a context."""
        self.upgrade.enter(lambda: self._migrate(context, arguments, run))

    def _migrate(self, context: "MigrationContext", arguments: dict[str, Any], run: Callable[[Steps], None]) -> None:
        upgrade = self.upgrade
        assert context.connection  # noqa: S101  # only such contexts are attended
        refuse_unsupported(context.connection)
        upgrade.check_whereabouts(context)
        name = upgrade.name(context, arguments, [each.name for each in upgrade.contexts])
        entered = ContextRun(self.shared, context, name, upgrade.target(context))
        upgrade.contexts.append(entered)
        if not entered.pending:
            entered.leave(run)
            return
        if upgrade.stop.requested.is_set():
            raise StopAsked
        upgrade.begin_once()
        entered.plan()
        entered.apply(run)

    def _stamped(self, **_: Any) -> None:
        self.upgrade.contexts[-1].stamped()


@dataclass
class Looking:
    """A run of env.py that only reads."""

    upgrade: "Upgrade"
    places: list[Place] = field(default_factory=list)

    def configured(self, options: dict[str, Any]) -> None:
        """Prevent even the version table from being created."""
        options["dont_mutate"] = True

    def migrate(self, context: "MigrationContext", arguments: dict[str, Any], run: Callable[[Steps], None]) -> None:
        """Read the position of a context."""
        self.upgrade.enter(lambda: self._look(context, arguments))
        run(lambda _heads, _context: [])

    def _look(self, context: "MigrationContext", arguments: dict[str, Any]) -> None:
        self.upgrade.check_whereabouts(context)
        name = self.upgrade.name(context, arguments, [each.position.context for each in self.places])
        self.places.append(Place(self.upgrade.target(context), replace(readable_position(context), context=name)))
        if self.places[-1].standing.pending:
            raise Left


def _several(callbacks: Any) -> tuple[Any, ...]:
    """Return callbacks as a tuple; Alembic takes none, one, or a collection."""
    return () if callbacks is None else (callbacks,) if callable(callbacks) else tuple(callbacks)
