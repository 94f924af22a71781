"""An attempt on a database that is cancelled, because the app cannot be imported meanwhile."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.databases import Backend
from orchestrator.databases.connecting import connected
from tests.unit.environments import read


def test_the_thread_of_sqlites_driver_ends_before_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reports to the loop: after the last event the log would have a traceback, "Event loop is closed"."""
    credentials = read(DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path / 'app.db'}")
    before, opening, connect = set(threading.enumerate()), threading.Event(), sqlite3.connect

    def slowly(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opening.set()
        time.sleep(0.2)
        opened: sqlite3.Connection = connect(*arguments, **options)
        return opened

    async def look(_connection: AsyncConnection, _backend: Backend) -> None:
        """See nothing."""

    async def cancel() -> None:
        attempt = asyncio.ensure_future(connected(credentials, look, timeout_seconds=20))
        await asyncio.to_thread(opening.wait)
        attempt.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await attempt

    monkeypatch.setattr(sqlite3, "connect", slowly)
    asyncio.run(cancel())
    assert set(threading.enumerate()) <= before
