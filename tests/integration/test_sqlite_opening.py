"""Opening a SQLite file that cannot be opened."""

import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from orchestrator.databases import backend_for


async def test_the_drivers_thread_ends_before_the_error_is_raised(tmp_path: Path) -> None:
    """The process ends soon after a refusal; the thread then wrote a traceback after the last event."""
    arguments = backend_for("sqlite").connect_args(None)
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path}/no/such.db", poolclass=NullPool, connect_args=arguments
    )
    before = set(threading.enumerate())
    with pytest.raises(OperationalError, match="unable to open"):
        await engine.connect()
    assert set(threading.enumerate()) <= before
    await engine.dispose()
