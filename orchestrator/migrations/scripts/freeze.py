"""`orchestrator freeze`: writes the manifest during the image build, from what Alembic reads.

It needs neither a database nor the app. An id that a script computes is not frozen: it may differ at the next start.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import EXIT_OK, StartupError
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.env_file import read_env_file
from orchestrator.migrations.scripts.facts import checksum_of
from orchestrator.migrations.scripts.files import DynamicIds, NeedsAlembic, find_scripts, read_script
from orchestrator.migrations.scripts.locations import deciding_options, find_locations, script_directory
from orchestrator.migrations.scripts.manifest import FILE_NAME, Manifest
from orchestrator.migrations.scripts.tree import Tree
from orchestrator.runtime.import_path import import_from_working_directory
from orchestrator.settings.validation import load

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

NOT_WRITTEN = 1


class CannotFreezeError(Exception):
    """The scripts are valid, but Alembic must read them at each start; the message gives the reason."""


def freeze(environ: Mapping[str, str]) -> int:
    """Write the manifest; return the exit code. If no manifest can exist, write one line to stderr."""
    import_from_working_directory()  # as `serve` does: a script may import the app
    try:
        path, manifest = _frozen(environ)
        _write(path, manifest)
    except StartupError as error:
        _tell(f"{error.failure.message.rstrip('.')}. {error.failure.hint}")
        return error.failure.exits_with
    except OSError as error:
        _tell(f"the manifest cannot be written: {error}")
        return NOT_WRITTEN
    return EXIT_OK


def _frozen(environ: Mapping[str, str]) -> tuple[Path, bytes]:
    """Return the manifest's path and its bytes; no bytes if it would prove nothing.

    Raises:
        StartupError: with SettingsInvalid or MigrationTreeInvalid.
    """
    from orchestrator.migrations.scripts.alembic_scripts import alembic_config, load_scripts, resolve_target

    settings, credentials = load(environ)
    files = AlembicFiles.of(settings)
    directory = script_directory(files)  # before Alembic changes sys.path
    scripts, tree = load_scripts(alembic_config(files, credentials.alembic_url(), settings.target))
    resolve_target(scripts, tree, settings.target)
    path = Path(scripts.dir, FILE_NAME)
    try:
        return path, _proven(files, directory, scripts, tree)
    except (CannotFreezeError, NeedsAlembic, ValueError) as error:  # ValueError: text that is not valid Unicode
        _tell(f"no manifest, Alembic will read the scripts at each start: {error}")
        return path, b""


def _proven(files: AlembicFiles, directory: Path | None, scripts: "ScriptDirectory", tree: Tree) -> bytes:
    """Return the bytes of a manifest that reads back as the tree that Alembic has read."""
    if directory is None or directory.resolve() != Path(scripts.dir).resolve():
        raise CannotFreezeError("only Alembic finds its script_location")
    content = _manifest(files, directory, scripts, tree).encode()
    if Manifest.decode(content).tree(files, directory) != tree:
        raise CannotFreezeError("Alembic reads something else in them")
    return content


def _manifest(files: AlembicFiles, directory: Path, scripts: "ScriptDirectory", tree: Tree) -> Manifest:
    version_locations, recursive = _version_locations(files), scripts.recursive_version_locations
    checksum, env_file = checksum_of(directory / "env.py"), read_env_file(directory / "env.py")
    if env_file.own_scripts:
        raise CannotFreezeError("env.py chooses its scripts when it is run")
    if env_file.reason:
        _tell(f"each start runs env.py; a SELECT of the version table cannot replace it: {env_file.reason}")
    if scripts.sourceless:
        raise CannotFreezeError("compiled scripts (`sourceless`) do not show what they are made from")
    found = find_scripts(find_locations(files, directory, version_locations), recursive=recursive)
    if set(found.values()) != {str(Path(each.path).resolve()) for each in scripts.walk_revisions()}:
        raise CannotFreezeError("Alembic takes other files for the scripts")
    paths = {_plain_id(Path(path)): key for key, path in found.items()}
    return Manifest(
        options=deciding_options(files),
        version_locations=version_locations,
        recursive=recursive,
        env=checksum,
        env_is_run=env_file.reason,
        heads=tree.heads,
        scripts={paths.get(each.id, ""): each for each in tree.ordered},
    )


def _plain_id(path: Path) -> str:
    try:
        return read_script(path).id
    except DynamicIds:
        raise CannotFreezeError(f"{path.name} computes its ids, or takes them from elsewhere") from None


def _version_locations(files: AlembicFiles) -> tuple[str, ...]:
    """Return the option, split as Alembic does, with `%(here)s` left in it."""
    from alembic.config import Config

    value, _ = files.template("version_locations")
    if not isinstance(value, str):
        return tuple(map(str, value)) if isinstance(value, list) else ()
    config = Config()
    if not hasattr(config, "get_version_locations_list"):
        raise CannotFreezeError("Alembic before 1.16 does not show how it separates its version_locations")
    for name in ("version_locations", "path_separator", "version_path_separator"):
        if text := files.template(name)[0]:
            config.set_main_option(name, str(text).replace("%", "%%"))
    return tuple(config.get_version_locations_list() or ())


def _write(path: Path, content: bytes) -> None:
    """Write the file atomically, readable for all: the build often runs as another user than the container."""
    if not content:
        path.unlink(missing_ok=True)
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE_NAME}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _tell(problem: str) -> None:
    sys.stderr.write(f"orchestrator freeze: {' '.join(problem.split())}\n")
