"""A user whose password rotates, and an app that logs in again for each request."""

import json
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.acceptance.outcome import assert_well_formed
from tests.harness import Output
from tests.servers import Database, Server

OLD, NEW, WRONG = "0ld-p4ss/w@rd", "n3w-p4ss/wörd", "wr0ng-p4ss"
PATIENT = {
    "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "60",
    "ORCHESTRATOR_HEARTBEAT_SECONDS": "0.2",
    "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "120",
}
ASKING_APP = """
import os
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

async def app(scope, receive, send):
    \"\"\"Log in anew for each request, as a pool does now and then, with what DATABASE_URL was at the start.\"\"\"
    global engine
    if scope["type"] == "lifespan":
        await receive()
        engine = create_async_engine(os.environ["DATABASE_URL"], poolclass=NullPool)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    try:
        async with engine.connect() as connection:
            answer = str((await connection.execute(text("SELECT 42"))).scalar())
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer.encode()})
"""


class Secret:
    """A user whose password is in a file, and who can be given another in either place."""

    def __init__(self, database: Database, server: Server, directory: Path) -> None:
        self.database, self.server = database, server
        rights = ("CREATE",) if database.backend == "postgresql" else ("ALL PRIVILEGES",)
        self.url = make_url(server.add_user(database, "gardener", OLD, *rights).url)
        self.file = directory / "secret.json"
        self.write(OLD)

    @property
    def env(self) -> dict[str, str]:
        """Return the variables of the process."""
        return PATIENT | {"DATABASE_SECRET_FILE": str(self.file)}

    def text(self, password: str) -> str:
        """Return the file's text."""
        url, engine = self.url, {"postgresql": "postgres"}.get(self.database.backend, self.database.backend)
        login = {"username": url.username, "password": password}
        return json.dumps(login | {"engine": engine, "host": url.host, "port": url.port, "dbname": url.database})

    def write(self, password: str) -> None:
        """Change the file, at once."""
        new = self.file.with_suffix(".new")
        new.write_text(self.text(password))
        new.rename(self.file)

    def alter(self, password: str) -> None:
        """Change the database."""
        statement = "ALTER USER gardener PASSWORD %s"
        if self.server.backend != "postgresql":
            statement = "ALTER USER gardener@'%%' IDENTIFIED BY %s"
        self.server.execute(statement, password)


def assert_secret(output: Output) -> None:
    """No password is seen."""
    assert_well_formed(output)
    for password in (OLD, NEW, WRONG):
        assert password not in output.story()
