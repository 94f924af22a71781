"""Reading the tree from its files without importing Alembic and without running a script (0.1 ms each, not 0.2 + 100).

That is what makes a start at head cheap. It understands plain trees only: literal ids in `<script_location>/versions`.
Whatever else it meets, it raises `Unclear` and Alembic itself reads the tree.
"""

import ast
import functools
import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.migrations.scripts.tree import Revision, Tree, invalid

_SPECIAL_OPTIONS = ("version_locations", "recursive_version_locations", "sourceless")
_SCRIPT = re.compile(r"(?!\.#|__init__).*\.py$")
HERE = "%(here)s"
_NAMES = {"revision", "down_revision", "depends_on", "branch_labels"}


class NeedsAlembic(Exception):  # noqa: N818  # not an error: a question for Alembic
    """The tree needs Alembic's own reading."""


class DynamicIds(NeedsAlembic):
    """A script computes its ids or takes them from elsewhere: only running it tells them."""


@dataclass(frozen=True)
class AlembicFiles:
    """The configuration files, as the `alembic` command would take them: either may be missing."""

    ini: Path | None
    toml: Path | None

    @classmethod
    def find(cls, named: Path | None) -> "AlembicFiles":
        """`alembic.ini` and `pyproject.toml` of the current directory, one of them replaced by the `named` one.

        Raises:
            StartupError: with MigrationTreeInvalid: there is none.
        """
        ini, toml = Path("alembic.ini"), Path("pyproject.toml")
        if named is not None and named.suffix == ".toml":
            toml = named
        elif named is not None:
            ini = named
        files = cls(ini if ini.is_file() else None, toml if toml.is_file() else None)
        if files.ini is None and files.toml is None:
            raise invalid(
                "no_configuration",
                "there is neither alembic.ini nor pyproject.toml here",
                hint="Start in the directory of alembic.ini, or name it with ORCHESTRATOR_ALEMBIC_CONFIG.",
            )
        return files

    def option(self, name: str) -> object:
        """An option of `[alembic]` or `[tool.alembic]`, `%(here)s` filled in; None when it is not set.

        Raises:
            StartupError: with MigrationTreeInvalid: a file cannot be read.
        """
        return self._find(name)[0]

    def template(self, name: str) -> tuple[object, str]:
        """An option with `%(here)s` left in it, and what that stands for.

        Raises:
            StartupError: with MigrationTreeInvalid: a file cannot be read.
        """
        return self._find(name, here=HERE)

    def _find(self, name: str, *, here: str = "") -> tuple[object, str]:
        try:
            if value := self._ini_option(name, here):
                return value, _directory(self.ini)
            return self._toml_option(name, here), _directory(self.toml)
        except (OSError, ValueError, AttributeError, ConfigParserError) as error:
            raise invalid("no_configuration", f"Alembic's configuration cannot be read: {error}") from error

    def _ini_option(self, name: str, here: str) -> str | None:
        instead = {"here": here.replace("%", "%%")} if here else None
        return self._parsed_ini.get("alembic", name, fallback=None, vars=instead)

    def _toml_option(self, name: str, here: str) -> object:
        value = self._parsed_toml.get("tool", {}).get("alembic", {}).get(name)
        return value.replace(HERE, here or _directory(self.toml)) if isinstance(value, str) else value

    @functools.cached_property
    def _parsed_ini(self) -> ConfigParser:
        parser = ConfigParser({"here": _directory(self.ini)})
        parser.read_string(self.ini.read_text(encoding="utf-8") if self.ini else "")
        return parser

    @functools.cached_property
    def _parsed_toml(self) -> dict[str, Any]:
        return tomllib.loads(self.toml.read_text(encoding="utf-8")) if self.toml else {}


def _directory(file: Path | None) -> str:
    return file.absolute().parent.as_posix() if file else ""


def read_tree(files: AlembicFiles) -> Tree:
    """The tree.

    Raises:
        StartupError: with MigrationTreeInvalid: it cannot be used.
        Unclear: Alembic has to read it.
    """
    location = files.option("script_location")
    if not location:
        raise invalid(
            "no_configuration",
            "Alembic's configuration has no script_location",
            hint="Start in the directory of alembic.ini, or name it with ORCHESTRATOR_ALEMBIC_CONFIG.",
        )
    if not isinstance(location, str) or ":" in location or any(files.option(name) for name in _SPECIAL_OPTIONS):
        raise NeedsAlembic
    directory = Path(location)
    try:
        if not (directory / "env.py").is_file():
            raise invalid("unreadable_script", f"there is no {directory / 'env.py'}")
        paths = find_scripts([directory / "versions"]).values()
    except OSError as error:
        raise invalid("unreadable_script", f"{error.filename} cannot be read: {error.strerror}") from error
    revisions = [read_script(path) for path in paths]
    return _resolved(revisions, standard_version_table=has_standard_version_table(directory))


def has_standard_version_table(directory: Path) -> bool:
    """Whether env.py leaves the version table's name, schema and search path alone."""
    text = (directory / "env.py").read_text(encoding="utf-8", errors="replace")
    return not re.search(r"version_table|search_path|schema_translate_map", text)


def find_scripts(locations: Iterable[Path], *, recursive: bool = False) -> dict[str, Path]:
    """The files that Alembic takes for revisions, by `<number of the location>/<path in it>`.

    Alembic goes by what a symbolic link leads to, its name as well, and takes no file twice. It passes over a directory
    of such a name, which is found here, and then cannot be read.

    Raises:
        OSError: a directory cannot be read.
    """
    found: dict[str, str] = {}
    for number, location in enumerate(locations):
        top = os.path.realpath(location)
        for root, directories, names in os.walk(top, onerror=_raise) if location.exists() else ():
            for name in sorted([*directories, *names]):
                path = os.path.join(root, name)  # noqa: PTH118  # twice as fast, and there are thousands
                real = os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114  # the same
                if _SCRIPT.match(os.path.basename(real)):  # noqa: PTH119  # the same
                    found.setdefault(real, f"{number}{path.removeprefix(top)}")
            if not recursive:
                break
    return {key: Path(path) for path, key in found.items()}


def _raise(error: OSError) -> None:
    raise error


def read_script(path: Path) -> Revision:
    """One revision from its file, dependencies as they are written.

    Raises:
        StartupError: with MigrationTreeInvalid: the file cannot be read.
        Computed: Alembic has to run it.
    """
    try:
        content = path.read_bytes()
        module = ast.parse(content, filename=path.name)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
        raise invalid("unreadable_script", f"{path.name} cannot be read: {error}") from error
    values = dict(_assignments(module))
    revision = values.get("revision")
    if not isinstance(revision, str) or "down_revision" not in values:
        raise DynamicIds
    description = (ast.get_docstring(module) or "").partition("\n")[0].strip()
    checksum = hashlib.sha256(content).hexdigest()
    return Revision(revision, _ids(values["down_revision"]), _ids(values.get("depends_on")), description, checksum)


def _assignments(module: ast.Module) -> Iterator[tuple[str, object]]:
    """The literal values of the names that Alembic reads."""
    for statement in module.body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        for name in (each.id for each in targets if isinstance(each, ast.Name)):
            if name in _NAMES:
                yield name, _literal(statement.value)  # type: ignore[attr-defined]  # both kinds have it
        if not any(isinstance(each, ast.Name) for each in targets) and _binds(statement):
            raise DynamicIds


def _binds(statement: ast.stmt) -> bool:
    """Whether a statement gives one of the names a value in another way: an import, a condition, an unpacking."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    for each in ast.walk(statement):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store | ast.Del) and each.id in _NAMES:
            return True
        if isinstance(each, ast.alias) and (each.asname or each.name) in {*_NAMES, "*"}:
            return True
    return False


def _literal(value: ast.expr) -> object:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise DynamicIds from None


def _ids(value: object) -> tuple[str, ...]:
    ids = (
        (value,)
        if isinstance(value, str)
        else tuple(value or ())
        if isinstance(value, list | tuple | set | None)
        else ()
    )
    if value and not (ids and all(isinstance(each, str) for each in ids)):
        raise DynamicIds
    return ids


def _resolved(revisions: list[Revision], *, standard_version_table: bool) -> Tree:
    """A tree; a dependency may be a branch label or part of an id, which Alembic resolves."""
    known = {revision.id for revision in revisions}
    if any(needed not in known for revision in revisions for needed in revision.depends_on):
        raise NeedsAlembic
    return Tree.of(revisions, standard_version_table=standard_version_table)
