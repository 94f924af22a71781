"""Alembic directories as teams write them."""

from pathlib import Path

from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.tree import Tree

ENV = """
from alembic import context
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""


class Scripts:
    """A directory with alembic.ini, env.py and versions."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.versions = directory / "migrations" / "versions"
        self.versions.mkdir(parents=True)
        self.env = directory / "migrations" / "env.py"
        self.env.write_text(ENV)
        self.ini = directory / "alembic.ini"
        self.ini.write_text("[alembic]\nscript_location = %(here)s/migrations\n")
        self.toml = directory / "pyproject.toml"

    def write(self, name: str, content: str | bytes) -> None:
        """Write a script."""
        (self.versions / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def revision(self, identity: str, down: object = None, depends_on: object = None, doc: str = "words") -> None:
        """Write a script as `alembic revision` does."""
        self.write(
            f"{identity}_words.py",
            f'"""{doc}\n\nRevision ID: {identity}\n"""\n\n'
            f"revision: str = {identity!r}\ndown_revision = {down!r}\n"
            f"branch_labels = None\ndepends_on = {depends_on!r}\n\n"
            "def upgrade() -> None:\n    revision = down_revision = 'local names are nobody\\'s business'\n",
        )

    @property
    def files(self) -> AlembicFiles:
        """The configuration files that are there."""
        toml = self.toml if self.toml.exists() else None
        return AlembicFiles(self.ini if self.ini.exists() else None, toml)


def shape(tree: Tree) -> dict[str, tuple[set[str], set[str], str]]:
    """A tree as data: what each revision follows, depends on, and is described as."""
    return {each.id: (set(each.follows), set(each.depends_on), each.description) for each in tree.revisions.values()}
