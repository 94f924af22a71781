"""Imports Alembic's modules of the databases when they are needed, and SQLAlchemy's dialects with them.

Alembic imports all five, and with them each driver's module of PostgreSQL: a third of the time that its import takes,
and a start needs one. Each is loaded when a context looks for its class, or when anything reads an attribute of the
module.
"""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

_PACKAGE = "alembic.ddl"
_MODULES = {
    "mariadb": f"{_PACKAGE}.mysql",
    **{name: f"{_PACKAGE}.{name}" for name in ("mssql", "mysql", "oracle", "postgresql", "sqlite")},
}


@contextlib.contextmanager
def loaded_when_needed() -> Iterator[None]:
    """Inside this block, import Alembic without them; change nothing if it is imported already."""
    if _PACKAGE in sys.modules:
        yield
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
    _watch()


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the usual module, which is run when it is used."""
        del target
        spec = PathFinder.find_spec(name, path) if name in _MODULES.values() else None
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


class _Classes(dict[str, Any]):
    """Alembic's classes by the name of their dialect."""

    def __missing__(self, dialect: str) -> Any:
        _load(dialect)
        if dialect in self:
            return self[dialect]
        raise KeyError(dialect)

    def __setitem__(self, dialect: str, implementation: Any) -> None:
        """A project may replace Alembic's own class, which must come first."""
        if not implementation.__module__.startswith(f"{_PACKAGE}."):
            _load(dialect)
        super().__setitem__(dialect, implementation)


def _watch() -> None:
    """Load a module when a context looks for its class, or a revision for its operation."""
    impl: Any = sys.modules.get(f"{_PACKAGE}.impl")
    operations: Any = sys.modules.get("alembic.op")
    if not (operations and isinstance(getattr(impl, "_impls", None), dict)):
        _load_all()
        return
    impl._impls = _Classes(impl._impls)  # noqa: SLF001  # there is no public name

    def __getattr__(name: str) -> Any:  # noqa: N807  # Python's name
        if not name.startswith("_"):
            _load_all()
        if name in vars(operations):
            return vars(operations)[name]
        raise AttributeError(f"module 'alembic.op' has no attribute {name!r}")

    vars(operations).setdefault("__getattr__", __getattr__)


def _load_all() -> None:
    for dialect in _MODULES:
        _load(dialect)


def _load(dialect: str) -> None:
    module = sys.modules.get(_MODULES.get(dialect, ""))
    getattr(module, "__doc__", None)  # reading any attribute loads it
