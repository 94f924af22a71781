"""Whether sessions are what the lock needs them to be: asked once, before a migration, as nothing else would show it.

A pool between us and the server may give each transaction another session, and a cluster has the locks of each node for
itself. In both a lock is taken, and protects nothing.
"""

from typing import TYPE_CHECKING

from orchestrator.databases import Backend
from orchestrator.databases.waiting import NotReadyError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


async def check_lock_support(connection: "AsyncConnection", backend: Backend) -> None:
    """A look for `wait_for_database` that succeeds where the migration lock can be relied on.

    Raises:
        NotReadyError: it cannot, and what to do instead.
    """
    async with connection.engine.connect() as other:
        diagnosis = await backend.why_not_lockable(connection, other)
    if diagnosis:
        raise NotReadyError(diagnosis)
