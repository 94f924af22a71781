"""Runs env.py to read each of its contexts (tenants, databases, version tables) without a change."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.log import REDACTOR
from orchestrator.migrations.position.target import Target
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.upgrade.runner import Upgrade
from orchestrator.migrations.upgrade.support import refuse_unsupported
from orchestrator.migrations.upgrade.visitors import Reading
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


async def survey(session: Session, target: Target, look: LookAt[T]) -> tuple[list[T], list[str]]:
    """Return the result of `look` for each context, and the statements of env.py that were not executed.

    Raises:
        StartupError: env.py failed, or connects to another database than the settings name.
    """
    files = AlembicFiles.of(session.settings)
    upgrade = Upgrade(files, session.credentials, session.settings, session.stop, lambda _event: None, target.env)
    reading = Reading(upgrade, look, refuse_unsupported)

    def run() -> list[str]:
        with untouched_event_loop(), nothing_changed() as guard:
            upgrade.visit(reading)
            return guard.left_out

    left_out = await in_main_thread(run, name="env")
    return reading.found, left_out


def left_out_notes(statements: Iterable[str]) -> list[str]:
    """Return a note for each statement of env.py that was not executed."""
    return [_LEFT_OUT.format(statement=REDACTOR.text(each)[:_STATEMENT_LENGTH]) for each in statements]
