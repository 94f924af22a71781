"""The tree as Alembic reads it: authoritative, but loaded only if revisions are missing or plain reading fails."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine.url import URL

from orchestrator.errors import StartupError
from orchestrator.migrations.scripts.alembic_import import import_alembic
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.facts import checksum_of, description_of
from orchestrator.migrations.scripts.tree import Revision, Tree, invalid
from orchestrator.sentences import text_of

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory


def alembic_config(files: AlembicFiles, url: URL | None, target: str) -> "Config":
    """Return the configuration of `alembic upgrade TARGET`, with `url` as the database; None keeps the files' URL."""
    import_alembic()
    from alembic.config import CommandLine, Config

    arguments = ["--name", files.section, *(each for x in files.x for each in ("-x", x)), "upgrade", target]
    options = CommandLine("alembic").parser.parse_args(arguments)
    config = files.of_app or Config(files.ini, ini_section=files.section, cmd_opts=options, **_toml_of(files))
    config.cmd_opts = options
    if url is not None:
        text = url.render_as_string(hide_password=False)
        config.set_main_option("sqlalchemy.url", text.replace("%", "%%"))  # escape for ConfigParser
    if files.base != Path():
        config.set_main_option("script_location", str(files.base / str(files.option("script_location"))))
        sys.path.insert(0, str(files.base))
    return config


def _toml_of(files: AlembicFiles) -> dict[str, Any]:
    """Return the argument that gives Alembic pyproject.toml, which it reads from 1.16 on.

    Raises:
        StartupError: with MigrationTreeInvalid: this Alembic is older, and alembic.ini is missing.
    """
    from alembic import __version__

    if tuple(int(part) for part in __version__.split(".")[:2]) >= (1, 16):
        return {"toml_file": files.toml}
    if files.ini is None:
        raise invalid(
            "no_configuration",
            f"Alembic {__version__} does not read {files.toml}",
            hint="Install Alembic 1.16 or later, or configure it in alembic.ini.",
        )
    return {}


def load_scripts(config: "Config") -> "tuple[ScriptDirectory, Tree]":
    """Return Alembic's script directory and the tree of its scripts.

    Raises:
        StartupError: with MigrationTreeInvalid: a script cannot be run, or the scripts form no tree.
    """
    scripts = script_directory(config)
    return scripts, tree_of(scripts)


def script_directory(config: "Config") -> "ScriptDirectory":
    """Return Alembic's script directory without loading the scripts.

    Raises:
        StartupError: with MigrationTreeInvalid: the directory or its env.py is missing.
    """
    from alembic.script import ScriptDirectory

    with _explained():
        scripts = ScriptDirectory.from_config(config)
    if not (env := Path(scripts.dir, "env.py")).is_file():
        raise invalid("unreadable_script", f"there is no {env}")
    return scripts


def tree_of(scripts: "ScriptDirectory") -> Tree:
    """Load the scripts and return their tree.

    Raises:
        StartupError: with MigrationTreeInvalid: a script cannot be run, or the scripts form no tree.
    """
    with _explained():
        revisions = [_revision(scripts, each) for each in scripts.walk_revisions()]
    return Tree.of(revisions)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        raise StartupError(
            invalid(
                "unreadable_script", f"Alembic cannot load the scripts: {type(error).__name__}: {text_of(error)}"
            ).failure,
            error,
        ) from error


def _revision(scripts: "ScriptDirectory", script: "Script") -> Revision:
    depends = [scripts.get_revision(each).revision for each in _tuple(script.dependencies)]
    path = Path(script.path)
    # A compiled script contains the modification time of its source, so it differs between images.
    checksum = checksum_of(path) if path.suffix == ".py" else ""
    description = description_of(script.doc)
    return Revision(script.revision, _tuple(script.down_revision), tuple(depends), description, checksum)


def resolve_target(scripts: "ScriptDirectory", tree: Tree, target: str) -> tuple[str, ...]:
    """Return the revisions that `target` names.

    Raises:
        StartupError: with MigrationTreeInvalid: no revision has that name, or it is `head` and there are several heads.
    """
    found = tree.targets(target)
    if found is not None:
        return found
    try:
        return tuple(script.revision for script in scripts.get_revisions(target))
    except Exception as error:
        raise invalid(
            "unknown_target",
            f"no revision is called {target!r}: {error}",
            hint="ORCHESTRATOR_TARGET must be `head`, `heads`, or a revision of this image.",
        ) from error


def _tuple(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]  # Alembic's str | sequence | None
