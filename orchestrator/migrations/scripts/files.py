"""Reads the tree from its files without importing Alembic and without running a script.

That keeps a start at head fast: 0.1 ms per script, instead of 0.2 ms per script plus 100 ms for Alembic. It understands
only plain trees, with literal ids in `<script_location>/versions`. For any other tree it raises `NeedsAlembic`, and
Alembic reads it.
"""

import ast
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from orchestrator.migrations.scripts.config import AlembicFiles, where_to_look
from orchestrator.migrations.scripts.facts import checksum, description_of
from orchestrator.migrations.scripts.tree import Revision, Tree, invalid
from orchestrator.patterns import pattern

_SPECIAL_OPTIONS = ("version_locations", "recursive_version_locations", "sourceless")
_SCRIPT = pattern(r"(?!\.#|__init__).*\.py$")
_NAMES = {"revision", "down_revision", "depends_on"}  # a label matters where one is depended on: Alembic's question


class NeedsAlembic(Exception):  # noqa: N818  # not an error: a question for Alembic
    """Only Alembic can read this tree."""


class DynamicIds(NeedsAlembic):
    """A script computes or imports its ids: only running it shows them."""


def read_tree(files: AlembicFiles) -> Tree:
    """Return the tree.

    Raises:
        StartupError: with MigrationTreeInvalid: the tree cannot be used.
        NeedsAlembic: only Alembic can read it.
    """
    location = files.option("script_location")
    if not location:
        raise invalid(
            "no_configuration",
            "Alembic's configuration has no script_location",
            hint=where_to_look(),
        )
    if not isinstance(location, str) or ":" in location or any(files.option(name) for name in _SPECIAL_OPTIONS):
        raise NeedsAlembic
    directory = files.base / location
    try:
        if not (directory / "env.py").is_file():
            raise invalid("unreadable_script", f"there is no {directory / 'env.py'}")
        paths = find_scripts([directory / "versions"]).values()
    except OSError as error:
        raise invalid("unreadable_script", f"{error.filename} cannot be read: {error.strerror}") from error
    revisions = [read_script(Path(path)) for path in paths]
    return _resolved(revisions)


def find_scripts(locations: Iterable[Path], *, recursive: bool = False) -> dict[str, str]:
    """Return the files that Alembic takes for revisions, by `<number of the location>/<path in it>`.

    Like Alembic, use the target and the target's name of a symbolic link, and list no file twice. Alembic skips a
    directory with such a name; here it is listed, and reading it then fails.

    Raises:
        OSError: a directory cannot be read.
    """
    found: dict[str, str] = {}
    for number, location in enumerate(locations):
        top = os.path.realpath(location)
        for each in _entries(top, recursive=recursive) if location.exists() else ():
            path, name = each.path, each.name
            if each.is_symlink():
                path = os.path.realpath(path)
                name = os.path.basename(path)  # noqa: PTH119  # faster than a Path, and there are thousands
            if _SCRIPT.match(name):
                found.setdefault(path, f"{number}{each.path.removeprefix(top)}")
    return {key: path for path, key in found.items()}


def _entries(directory: str, *, recursive: bool) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a directory, by name, then what is in its own directories."""
    with os.scandir(directory) as listed:
        entries = sorted(listed, key=lambda each: each.name)
    yield from entries
    for each in entries:
        if recursive and each.is_dir(follow_symlinks=False):
            yield from _entries(each.path, recursive=True)


def read_script(path: Path) -> Revision:
    """Return a revision from its file, with its dependencies as written.

    Raises:
        StartupError: with MigrationTreeInvalid: the file cannot be read.
        DynamicIds: Alembic has to run the script.
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
    description = description_of(ast.get_docstring(module))
    return Revision(
        revision, _ids(values["down_revision"]), _ids(values.get("depends_on")), description, checksum(content)
    )


class _Constants(ast.NodeTransformer):
    """Replaces names by the literals that the script assigns to them once: an id may be given through such a name."""

    def __init__(self, module: ast.Module) -> None:
        bound = Counter(name for each in ast.walk(module) for name in _bound_by(each))
        pairs = [pair for statement in module.body for pair in _pairs(statement)]
        named = {target.id: value for target, value in pairs if isinstance(target, ast.Name) and _is_text(value)}
        self._values = {} if bound["*"] else {name: value for name, value in named.items() if bound[name] == 1}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node)


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _bound_by(node: ast.AST) -> list[str]:
    """Return the names that this node alone binds or deletes; `*` stands for all names of a module."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.alias):
        return [node.asname or node.name]
    return [node.name] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else []


def _pairs(statement: ast.stmt) -> list[tuple[ast.expr, ast.expr]]:
    """Return target and value of each plain assignment; `a, b = 1, 2` gives two pairs."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return [(statement.target, statement.value)]
    if not isinstance(statement, ast.Assign):
        return []
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in statement.targets:
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            pairs += zip(target.elts, statement.value.elts, strict=False)
        else:
            pairs.append((target, statement.value))
    return pairs


def _assignments(module: ast.Module) -> Iterator[tuple[str, object]]:
    """Return the literal values of the names that Alembic reads."""
    constants = _Constants(module)
    for statement in module.body:
        pairs = _pairs(statement)
        for target, value in pairs:
            if isinstance(target, ast.Name) and target.id in _NAMES:
                yield target.id, _literal(constants.visit(value))
        if not any(isinstance(target, ast.Name) for target, _ in pairs) and _binds(statement):
            raise DynamicIds


def _binds(statement: ast.stmt) -> bool:
    """Return whether a statement binds one of the names in another way: an import, a condition, an unpacking."""
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


def _resolved(revisions: list[Revision]) -> Tree:
    """Return the tree; Alembic must resolve a dependency that is a branch label or part of an id."""
    known = {revision.id for revision in revisions}
    if any(needed not in known for revision in revisions for needed in revision.depends_on):
        raise NeedsAlembic
    return Tree.of(revisions)
