"""A project to run the product in: a tiny application, and one of Alembic's own trees of migrations."""

import argparse
import contextlib
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

_APP = '''
async def app(scope, receive, send):
    """Say hello to every request."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def lifespan(receive, send):
    """Start and stop without a word."""
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})
'''

_REVISION = '''\
"""{description}"""

import sqlalchemy as sa

from alembic import op

revision = {revision!r}
down_revision = {down_revision!r}
branch_labels = None
depends_on = None


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''

_LATEST = "the revision added before"


@dataclass
class Project:
    """A directory with `app/main.py` and `alembic/`.

    Attributes:
        path: The directory.
        revisions: The added revisions, in this order.
    """

    path: Path
    revisions: list[str] = field(default_factory=list)

    def add_revision(
        self,
        revision: str,
        upgrade: str = "pass",
        *,
        down_revision: str | tuple[str, ...] | None = _LATEST,
        downgrade: str = "pass",
        description: str = "",
    ) -> Path:
        """Add a revision and return its script.

        Args:
            revision: Its identifier.
            upgrade: Python statements, with `op` and `sa` available.
            down_revision: Its parent; by default, the one added before it.
            downgrade: As `upgrade`.
            description: Its first line; by default, made from the identifier.
        """
        if down_revision is _LATEST:
            down_revision = self.revisions[-1] if self.revisions else None
        self.revisions.append(revision)
        script = _REVISION.format(
            description=description or f"Revision {revision}.",
            revision=revision,
            down_revision=down_revision,
            upgrade=_body(upgrade),
            downgrade=_body(downgrade),
        )
        return self.write(f"alembic/versions/{revision}.py", script)

    def write(self, name: str, content: str) -> Path:
        """Write a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path


def make_project(path: Path, template: str = "async") -> Project:
    """Make a project whose migrations are as `alembic init` leaves them.

    Args:
        path: A directory that is made, if need be.
        template: `generic`, `async`, `multidb`, `pyproject` or `pyproject_async`.
    """
    project = Project(path)
    project.write("app/__init__.py", "")  # a package, so that this repository's own app does not hide it
    project.write("app/main.py", _APP)
    toml: Any = {"toml_file": "pyproject.toml"} if template.startswith("pyproject") else {}  # from Alembic 1.16 on
    with contextlib.chdir(path):  # so that no absolute path gets into its files
        config = Config("alembic.ini", cmd_opts=argparse.Namespace(quiet=True), **toml)
        command.init(config, "alembic", template=template)
    return project


def _body(statements: str) -> str:
    return textwrap.indent(textwrap.dedent(statements).strip("\n"), "    ")
