"""What happens when env.py calls `run_migrations`: pending revisions are applied, or only counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from orchestrator.migrations.position.target import Place
from orchestrator.migrations.upgrade.context_run import ContextRun
from orchestrator.migrations.upgrade.environment import Steps
from orchestrator.migrations.upgrade.shared import Shared
from orchestrator.migrations.upgrade.support import refuse_unsupported
from orchestrator.migrations.upgrade.version_table import readable_position
from orchestrator.runtime.stop import StopAsked

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import Connection

    from orchestrator.migrations.position.target import Target
    from orchestrator.migrations.upgrade.runner import Upgrade

T = TypeVar("T")


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
        entered = ContextRun(self.shared, context, name, upgrade.targets.of(context))
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
class Reading(Generic[T]):
    """A run of env.py that only reads each context, and lets env.py continue as if it were at head.

    Attributes:
        read: gets a context, its name (empty for the only one), its target, and what env.py passes to `run_migrations`.
        refuse: raises for a context that cannot be migrated.
        found: what `read` has returned.
    """

    upgrade: "Upgrade"
    read: "Callable[[MigrationContext, str, Target, Mapping[str, Any]], T]"
    refuse: "Callable[[Connection], None]"
    found: list[T] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)

    def configured(self, options: dict[str, Any]) -> None:
        """Prevent even the version table from being created."""
        options["dont_mutate"] = True

    def migrate(self, context: "MigrationContext", arguments: dict[str, Any], run: Callable[[Steps], None]) -> None:
        """Read a context."""
        self.upgrade.enter(lambda: self._read(context, arguments))
        run(lambda _heads, _context: [])

    def _read(self, context: "MigrationContext", arguments: dict[str, Any]) -> None:
        assert context.connection  # noqa: S101  # only such contexts are attended
        self.refuse(context.connection)
        self.upgrade.check_whereabouts(context)
        self._names.append(self.upgrade.name(context, arguments, self._names))
        self.found.append(self.read(context, self._names[-1], self.upgrade.targets.of(context), arguments))


class Looking(Reading[Place]):
    """A run of env.py that reads the positions, up to the first one that is behind."""

    def __init__(self, upgrade: "Upgrade") -> None:
        super().__init__(upgrade, _place, refuse=lambda _connection: None)

    def _read(self, context: "MigrationContext", arguments: dict[str, Any]) -> None:
        super()._read(context, arguments)
        if self.found[-1].standing.pending:
            raise Left


def _place(context: "MigrationContext", name: str, target: "Target", _arguments: Mapping[str, Any]) -> Place:
    return Place(target, readable_position(context)._replace(context=name))


def _several(callbacks: Any) -> tuple[Any, ...]:
    """Return callbacks as a tuple; Alembic takes none, one, or a collection."""
    return () if callbacks is None else (callbacks,) if callable(callbacks) else tuple(callbacks)
