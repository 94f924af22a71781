"""The manifest: the migrations as `orchestrator freeze` wrote them down beside their scripts, when the image was built.

With it a start at head neither parses scripts nor imports Alembic, wherever the scripts are. It counts only while all
that it was made from is as it was: the options that say where the scripts are, env.py, which scripts there are, and
what is in each. (Their times would be cheaper to compare and prove nothing: COPY keeps them, and a build may set them
all alike.) What is not as it was costs time and a warning, never a wrong answer.
"""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import StartupError
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.files import NeedsAlembic, find_scripts
from orchestrator.migrations.scripts.locations import deciding_options, find_locations, script_directory
from orchestrator.migrations.scripts.tree import Revision, Tree

FILE_NAME = "orchestrator.manifest.json"
_logger = logging.getLogger(__name__)


class NotAsFrozenError(ValueError):
    """The manifest does not tell of these scripts; its text says why."""


class Script(BaseModel):
    """One revision, in Alembic's words.

    Attributes:
        path: `<number of the version location>/<path in it>`.
        checksum: the SHA-256 of the file, as the journal has it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: str
    revision: str
    down_revision: tuple[str, ...]
    depends_on: tuple[str, ...]
    description: str
    checksum: str


class Manifest(BaseModel):
    """What the file holds.

    Attributes:
        digest: the SHA-256 of the file without it: nobody has edited or cut it.
        options: the options that decide which files are the scripts, as they are written.
        version_locations: as Alembic parts them, with `%(here)s` left in them; empty for `versions` beside env.py.
        env: the SHA-256 of env.py.
        env_is_run: why env.py is run at each start; empty when it need not be, while the database is at head.
        scripts: after all that they need.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    schema_: Literal[2] = Field(default=2, alias="schema")
    digest: str = ""
    options: Mapping[str, str]
    version_locations: tuple[str, ...]
    recursive: bool
    env: str
    env_is_run: str
    heads: tuple[str, ...]
    scripts: tuple[Script, ...]

    def encode(self) -> bytes:
        """The file: the same bytes for the same migrations."""
        text = self.model_copy(update={"digest": ""}).model_dump_json(by_alias=True, indent=1).encode() + b"\n"
        return text.replace(_signed(""), _signed(hashlib.sha256(text).hexdigest()), 1)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """The manifest in a file.

        Raises:
            NotAsFrozenError: it is none, one of another version, or not as it was written.
        """
        try:
            manifest = cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "all of it"
            raise NotAsFrozenError(f"it is damaged or of another version ({where}: {first['msg']})") from None
        text = content.replace(_signed(manifest.digest), _signed(""), 1)
        if hashlib.sha256(text).hexdigest() != manifest.digest:
            raise NotAsFrozenError("it is damaged, or was edited")
        return manifest

    def tree(self, files: AlembicFiles, directory: Path) -> Tree:
        """The tree that it tells of, if that is the one in the files.

        Raises:
            NotAsFrozenError: it is another one, or some of it cannot be read.
            StartupError: with MigrationTreeInvalid: it is none at all.
        """
        try:
            self._compare(files, directory)
        except OSError as error:
            raise NotAsFrozenError(f"{error.filename} cannot be read: {error.strerror}") from error
        except NeedsAlembic as error:
            raise NotAsFrozenError(str(error)) from error
        revisions = (
            Revision(each.revision, each.down_revision, each.depends_on, each.description, each.checksum)
            for each in self.scripts
        )
        return Tree.of(revisions)

    def _compare(self, files: AlembicFiles, directory: Path) -> None:
        """Compare it with what there is, the cheapest first."""
        for name, value in deciding_options(files).items():
            if value != self.options.get(name):
                raise NotAsFrozenError(f"Alembic's option {name} was changed")
        if checksum_of(directory / "env.py") != self.env:
            raise NotAsFrozenError("env.py was changed")
        locations = find_locations(files, directory, self.version_locations)
        found = find_scripts(locations, recursive=self.recursive)
        known = {each.path: each.checksum for each in self.scripts}
        if difference := sorted(found.keys() ^ known.keys()):
            added = difference[0] in found
            raise NotAsFrozenError(f"{_base_name(difference[0])} was {'added' if added else 'removed'}")
        for key, path in found.items():
            if checksum_of(path) != known[key]:
                raise NotAsFrozenError(f"{path.name} was changed")


def read_manifest(files: AlembicFiles) -> Tree | None:
    """The tree as it was frozen; None when there is no manifest, and when there is one that tells of something else.

    Raises:
        StartupError: with MigrationTreeInvalid: Alembic's configuration cannot be read.
    """
    if (path := _path(files)) is None:
        return None
    try:
        return Manifest.decode(path.read_bytes()).tree(files, path.parent)
    except (NotAsFrozenError, OSError, StartupError) as error:
        _logger.warning(
            (
                "The migration manifest %s does not describe the scripts, so they are read at each start: %s. "
                "Run `orchestrator freeze` in the image build, after the last change to the scripts."
            ),
            path,
            error,
        )
        return None


def advise_freezing(files: AlembicFiles) -> None:
    """Warn that a start takes longer than it must, where there is no manifest."""
    if _path(files) is None:
        _logger.warning(
            "Alembic is imported to read the scripts, as they are not all in one place beside env.py, or depend on"
            " branch labels. Run `orchestrator freeze` when the image is built, and a start at head does without."
        )


def _path(files: AlembicFiles) -> Path | None:
    """Where it is, if there is one that could be read."""
    directory = script_directory(files)
    try:
        return directory / FILE_NAME if directory and (directory / FILE_NAME).is_file() else None
    except OSError:  # the directory is closed to us: whoever reads the scripts will say so
        return None


def checksum_of(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _signed(digest: str) -> bytes:
    return b'"digest": "%s"' % digest.encode(errors="replace")


def _base_name(key: str) -> str:
    return key.partition("/")[2]
