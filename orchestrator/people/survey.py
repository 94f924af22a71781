"""Runs env.py to read each of its contexts (tenants, databases, version tables) without a change."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from orchestrator.log import REDACTOR
from orchestrator.migrations.position.target import Target
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.upgrade.environment import Steps
from orchestrator.migrations.upgrade.runner import Upgrade
from orchestrator.migrations.upgrade.support import refuse_unsupported
from orchestrator.people.guard import nothing_changed
from orchestrator.people.session import Session
from orchestrator.runtime.concurrency import in_main_thread, untouched_event_loop

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

T = TypeVar("T")
_LEFT_OUT = "env.py would have changed something before Alembic looks; it was kept from that: {statement}"
_STATEMENT_LENGTH = 200
LookAt = Callable[["MigrationContext", str, Target, Mapping[str, Any]], T]
"""Gets a context, its name (empty for the only one), where it is to be, and what env.py passes to `run_migrations`."""


@dataclass
class Surveying(Generic[T]):
    """Reads each context, and lets env.py continue as if it were at head."""

    upgrade: Upgrade
    look: LookAt[T]
    found: list[T] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)

    def configured(self, options: dict[str, Any]) -> None:
        """Prevent the creation of the version table."""
        options["dont_mutate"] = True

    def migrate(self, context: "MigrationContext", arguments: dict[str, Any], run: Callable[[Steps], None]) -> None:
        """Read a context."""
        self.upgrade.enter(lambda: self._look(context, arguments))
        run(lambda _heads, _context: [])

    def _look(self, context: "MigrationContext", arguments: dict[str, Any]) -> None:
        assert context.connection  # noqa: S101  # only such contexts are attended
        refuse_unsupported(context.connection)
        self.upgrade.check_whereabouts(context)
        name = self.upgrade.name(context, arguments, self._names)
        self._names.append(name)
        self.found.append(self.look(context, name, self.upgrade.target(context), arguments))


async def survey(session: Session, target: Target, look: LookAt[T]) -> tuple[list[T], list[str]]:
    """Return the result of `look` for each context, and the statements of env.py that were not executed.

    Raises:
        StartupError: env.py failed, or connects to another database than the settings name.
    """
    files = AlembicFiles.of(session.settings)
    upgrade = Upgrade(files, session.credentials, session.settings, session.stop, lambda _event: None, target.env)
    surveying = Surveying(upgrade, look)

    def run() -> list[str]:
        with untouched_event_loop(), nothing_changed() as guard:
            upgrade.visit(surveying)
            return guard.left_out

    left_out = await in_main_thread(run, name="env")
    return surveying.found, left_out


def left_out_notes(statements: Iterable[str]) -> list[str]:
    """Return a note for each statement of env.py that was not executed."""
    return [_LEFT_OUT.format(statement=REDACTOR.text(each)[:_STATEMENT_LENGTH]) for each in statements]
