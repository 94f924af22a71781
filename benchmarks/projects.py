"""The project that is started: a FastAPI app that makes its engine at import, as most do, and a tree of revisions."""

import contextlib
import io
from pathlib import Path

from tests.harness import Project, make_project

ADDRESS_FILE = "address"
"""Where app and env.py find the address if DATABASE_URL is not set, as with a settings module of the project's own."""
_ADDRESS = f'os.environ.get("DATABASE_URL") or open("{ADDRESS_FILE}").read()'
_REAL = 20  # revisions that make a table; the others of a large tree do nothing
_CREATE = "op.execute('CREATE TABLE t{0} (id INTEGER PRIMARY KEY, name VARCHAR(50))')"
_APP = f"""
import asyncio
import os
from contextlib import asynccontextmanager
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine({_ADDRESS})

@asynccontextmanager
async def lifespan(app):
    yield
    await engine.dispose()

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def root() -> dict[str, str]:
    return {{"hello": "world"}}

@app.get("/slow")
async def slow() -> dict[str, str]:
    await asyncio.sleep(30)
    return {{"hello": "at last"}}
"""


def make_app_project(path: Path, revisions: int) -> Project:
    """Make a project with Alembic's async template."""
    with contextlib.redirect_stdout(io.StringIO()):  # Alembic names each file
        project = make_project(path)
    project.write("app/main.py", _APP)
    env = (path / "alembic/env.py").read_text()
    asked = f'target_metadata = None\nconfig.set_main_option("sqlalchemy.url", {_ADDRESS})\n'
    project.write("alembic/env.py", "import os\n" + env.replace("target_metadata = None\n", asked, 1))
    for number in range(revisions):
        project.add_revision(f"r{number}", _CREATE.format(number) if number < _REAL else "pass")
    return project
