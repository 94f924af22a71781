"""Checks once, before a migration, that the server's sessions are what the lock needs; no error would show it later.

A pooler may give each transaction another session, and each node of a cluster may have separate locks. In both cases
the lock is taken, and protects nothing.
"""

from typing import TYPE_CHECKING

from orchestrator.databases import Backend
from orchestrator.databases.connecting import NotReadyError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


async def check_lock_support(connection: "AsyncConnection", backend: Backend) -> None:
    """Succeed if the migration lock is reliable: a check for `wait_for_database`.

    Raises:
        NotReadyError: it is not; the message names the cure.
    """
    if diagnosis := await backend.why_not_lockable(connection):
        raise NotReadyError(diagnosis)
