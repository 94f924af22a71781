"""Describes the position of a database; `status` and `plan` use the same words."""

from typing import TYPE_CHECKING

from sqlalchemy.engine import URL

from orchestrator.migrations.position.lineage import Comparison, Position
from orchestrator.migrations.position.target import Target
from orchestrator.migrations.scripts.tree import names

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import Backend


async def answers(connection: "AsyncConnection", backend: "Backend") -> None:
    """Check that a database answers: a connection alone may not show it."""
    await backend.check_readable(connection)


def explanation(standing: Comparison, position: Position, target: Target) -> str:
    """Return how a database compares with its target, as a sentence without a full stop."""
    if standing.lineage or standing.half_applied:
        return standing.difference or f"{', '.join(standing.half_applied)} is half applied, or is being applied"
    if not standing.pending:
        return "nothing is pending"
    count = len(standing.pending)
    pending = f"{count} {'revision is' if count == 1 else 'revisions are'} pending"
    return f"{pending}, from {names(position.heads)} to {names(target.revisions)}"


def shown(url: URL) -> str:
    """Return an address without login and options."""
    return URL.create(url.get_backend_name(), None, None, url.host, url.port, url.database).render_as_string()
