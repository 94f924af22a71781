"""The manifest: the migrations as `orchestrator freeze` wrote them next to the scripts during the image build.

With a manifest, a start at head neither parses scripts nor imports Alembic. It is valid only while everything that it
was made from is unchanged: the options that locate the scripts, env.py, the list of scripts, and their contents. (File
times would be cheaper to compare, but prove nothing: COPY keeps them, and a build may make them all equal.) An outdated
manifest costs time and a warning, and never gives a wrong answer.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import orjson

from orchestrator.errors import StartupError
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.facts import checksum, checksum_of
from orchestrator.migrations.scripts.files import NeedsAlembic, find_scripts
from orchestrator.migrations.scripts.locations import deciding_options, find_locations, script_directory
from orchestrator.migrations.scripts.tree import Revision, Tree

FILE_NAME = "orchestrator.manifest.json"
_SCHEMA = 2
_logger = logging.getLogger(__name__)


class NotAsFrozenError(ValueError):
    """The manifest does not describe these scripts; the message gives the reason."""


class Manifest(NamedTuple):
    """The content of the file.

    The file has a digest as well: the SHA-256 of the file without it, which shows that the file was not edited or cut.

    Attributes:
        options: the options that decide which files are scripts, as written.
        version_locations: as split by Alembic, with `%(here)s` left in them; empty for `versions` next to env.py.
        env: the SHA-256 of env.py.
        env_is_run: why env.py must run at each start; empty if it need not run while the database is at head.
        scripts: by `<number of the version location>/<path in it>`, each one after all that it needs.
    """

    options: Mapping[str, str]
    version_locations: Sequence[str]
    recursive: bool
    env: str
    env_is_run: str
    heads: Sequence[str]
    scripts: Mapping[str, Revision]

    def encode(self) -> bytes:
        """Return the bytes of the file; the same migrations give the same bytes."""
        scripts = [_written(path, revision) for path, revision in self.scripts.items()]
        content = {"schema": _SCHEMA, "digest": "", **self._asdict(), "scripts": scripts}
        text = json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"
        return text.replace(_signed(""), _signed(checksum(text)), 1)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Return the manifest in a file.

        Raises:
            NotAsFrozenError: the file is damaged, edited, or of another version.
        """
        try:
            found = orjson.loads(content)
            schema, digest = found.pop("schema"), str(found.pop("digest"))
        except (ValueError, AttributeError, LookupError, TypeError):
            raise NotAsFrozenError("it is damaged") from None
        if schema != _SCHEMA:
            raise NotAsFrozenError("another version of orchestrator wrote it")
        text = content.replace(_signed(digest), _signed(""), 1)
        if checksum(text) != digest:
            raise NotAsFrozenError("it is damaged, or was edited")
        try:
            return cls(**found | {"scripts": dict(_read(**each) for each in found["scripts"])})
        except (TypeError, LookupError):
            raise NotAsFrozenError("another version of orchestrator wrote it") from None

    def tree(self, files: AlembicFiles, directory: Path) -> Tree:
        """Return the frozen tree, if it is still the one in the files.

        Raises:
            NotAsFrozenError: the files differ, or cannot be read.
            StartupError: with MigrationTreeInvalid: the revisions form no tree.
        """
        try:
            self._compare(files, directory)
        except OSError as error:
            raise NotAsFrozenError(f"{error.filename} cannot be read: {error.strerror}") from error
        except NeedsAlembic as error:
            raise NotAsFrozenError(str(error)) from error
        return Tree.of(self.scripts.values())

    def _compare(self, files: AlembicFiles, directory: Path) -> None:
        """Compare the manifest with the files, the cheapest comparison first."""
        for name, value in deciding_options(files).items():
            if value != self.options.get(name):
                raise NotAsFrozenError(f"Alembic's option {name} was changed")
        if checksum_of(directory / "env.py") != self.env:
            raise NotAsFrozenError("env.py was changed")
        locations = find_locations(files, directory, tuple(self.version_locations))
        found = find_scripts(locations, recursive=self.recursive)
        if found.keys() != self.scripts.keys():
            first = min(found.keys() ^ self.scripts.keys())
            raise NotAsFrozenError(f"{_base_name(first)} was {'added' if first in found else 'removed'}")
        for key, path in found.items():
            if checksum_of(path) != self.scripts[key].checksum:
                raise NotAsFrozenError(f"{os.path.basename(path)} was changed")  # noqa: PTH119  # see `find_scripts`


def read_manifest(files: AlembicFiles) -> Tree | None:
    """Return the frozen tree; None without a manifest, or if the manifest does not describe these files.

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
    """Warn if the manifest is missing: it would make the start faster."""
    if _path(files) is None:
        _logger.warning(
            "Alembic is imported to read the scripts, as they are not all in one place beside env.py, or depend on"
            " branch labels. Run `orchestrator freeze` when the image is built, and a start at head does without."
        )


def _path(files: AlembicFiles) -> Path | None:
    """Return the manifest's path, if a manifest may exist there."""
    directory = script_directory(files)
    try:
        return directory / FILE_NAME if directory and (directory / FILE_NAME).is_file() else None
    except OSError:  # the directory is not readable; the error comes when the scripts are read
        return None


def _written(path: str, revision: Revision) -> dict[str, object]:
    return {
        "path": path,
        "revision": revision.id,
        "down_revision": revision.follows,
        "depends_on": revision.depends_on,
        "description": revision.description,
        "checksum": revision.checksum,
    }


def _read(  # noqa: PLR0913  # the names in the file
    *,
    path: str,
    revision: str,
    down_revision: Sequence[str],
    depends_on: Sequence[str],
    description: str,
    checksum: str,
) -> tuple[str, Revision]:
    return path, Revision(revision, tuple(down_revision), tuple(depends_on), description, checksum)


def _signed(digest: str) -> bytes:
    return b'"digest": "%s"' % digest.encode(errors="replace")


def _base_name(key: str) -> str:
    return key.partition("/")[2]
