"""Alembic itself, as a team runs it without the product."""

import asyncio

from tests.harness import Project
from tests.harness.prepared import Prepared
from tests.harness.process import basics
from tests.servers import Database

_RUN = """
import sys
from alembic import command
from alembic.config import Config

config = Config("alembic.ini")
config.set_main_option("sqlalchemy.url", sys.argv[1].replace("%", "%%"))
getattr(command, sys.argv[2])(config, *sys.argv[3:])
"""


async def alembic(project: Project, database: Database, *arguments: str, **variables: str) -> None:
    """Run `alembic COMMAND …` in a new process, with these variables in addition to a process's own.

    Raises:
        AssertionError: It failed.
    """
    env = basics() | variables
    process = await Prepared.start((database.url, *arguments), env, project.path, code=_RUN)
    process.stdin.close()
    output, errors, code = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
    assert code == 0, (output + errors).decode()
