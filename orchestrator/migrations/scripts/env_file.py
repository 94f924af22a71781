"""Decides from env.py's syntax tree whether one SELECT can replace running it.

It recognises what Alembic's templates do, and harmless variations: one engine made here, one `context.configure` with
the default version table, no loop around it, no other statement, and no code after `run_migrations`. For any other
env.py the start runs it, which is slower and equally correct.
"""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from orchestrator.migrations.scripts.env_address import dotted, text_of
from orchestrator.migrations.scripts.env_engine import Unrecognised
from orchestrator.migrations.scripts.env_reader import EnvReader

_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MIGRATING = {"context.configure", "context.run_migrations"}


class EnvFile(NamedTuple):
    """The properties of env.py that its text proves.

    Attributes:
        ask: why it must be run to find the database's position; empty if one SELECT gives the same answer.
        own_address: why it may connect to another address than ours; empty if it cannot.
        own_scripts: whether it may choose the directories of the revisions itself.
        several: whether it seems to migrate several databases, schemas or version tables.
    """

    ask: str = ""
    own_address: str = ""
    own_scripts: bool = False
    several: bool = False

    @property
    def reason(self) -> str:
        """Return why it must be run even if the settings contain the address."""
        return self.ask or self.own_address


def read_env_file(path: Path) -> EnvFile:
    """Return what the env.py at `path` proves; an unreadable file proves nothing."""
    try:
        module = ast.parse(path.read_bytes(), filename=path.name)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
        return EnvFile(ask=f"it cannot be read ({type(error).__name__})")
    nodes = list(ast.walk(module))
    own_scripts, several = any(map(_chooses_scripts, nodes)), _migrates_several(nodes)
    reader = EnvReader(module)
    try:
        reader.read(module)
    except Unrecognised as unrecognised:
        return EnvFile(str(unrecognised), reader.own_address, own_scripts, several)
    return EnvFile("", reader.own_address, own_scripts, several)


def _chooses_scripts(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else text_of(node) if isinstance(node, ast.Constant) else ""
    return name in {"version_locations", "script", "_version_locations", "revision_map", "script_location"}


def _migrates_several(nodes: Sequence[ast.AST]) -> bool:
    """Return whether it seems to migrate several contexts (`configure` twice or in a loop); a guess, see `naming`."""
    if sum(map(_configures, nodes)) > 1:
        return True
    functions = [each for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    called = [(each.name, _mentioned(each)) for each in functions]
    migrating = set(_MIGRATING)
    while more := {name for name, names in called if names & migrating} - migrating:
        migrating |= more  # a function that calls one that calls one ...
    return any(isinstance(each, _LOOPS) and _mentioned(each) & migrating for each in nodes)


def _configures(node: ast.AST) -> bool:
    """Return whether a node is `context.configure` with a connection; with a URL alone it is for the offline mode."""
    return (
        isinstance(node, ast.Call)
        and dotted(node.func) == "context.configure"
        and any(word.arg == "connection" for word in node.keywords)
    )


def _mentioned(node: ast.AST) -> set[str]:
    """Return the names in a node; a function for the offline mode alone is not one that migrates."""
    inside = list(ast.walk(node))
    offline = isinstance(node, ast.FunctionDef) and not any(map(_configures, inside))
    return {dotted(each) for each in inside if isinstance(each, ast.Name | ast.Attribute)} - (
        _MIGRATING if offline else set()
    )
