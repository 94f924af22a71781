"""Alembic itself, as a team runs it without the product."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT

from tests.harness import Project
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
    """Run `alembic COMMAND …` in a process of its own, with these variables beside those that there are.

    Raises:
        AssertionError: It failed.
    """
    command = (sys.executable, "-c", _RUN, database.url, *arguments)
    env = {**os.environ, **variables}
    process = await asyncio.create_subprocess_exec(*command, cwd=project.path, env=env, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
