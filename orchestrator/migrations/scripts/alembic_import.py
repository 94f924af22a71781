"""Imports Alembic without what a start does not need.

That is Pygments, which Mako imports with it, where it is installed, to colour pages of errors that Alembic never shows:
half of the time that Alembic's import takes. The databases of other starts are a third of the rest.
"""

import sys
from types import ModuleType
from typing import Any

from orchestrator.migrations.scripts.alembic_dialects import loaded_when_needed

_MAKO = "mako.exceptions"
_COLOURS = "mako.ext.pygmentplugin"
_NAMES = ("syntax_highlight", "pygments_html_formatter")


def import_alembic() -> None:
    """Import Alembic, if it is not imported. Mako gets its colours when a program asks for them."""
    with loaded_when_needed():
        if _MAKO in sys.modules or _COLOURS in sys.modules:
            import alembic.config  # noqa: F401  # imported for its effect
        else:
            _import_uncoloured()


def _import_uncoloured() -> None:
    sys.modules[_COLOURS] = None  # type: ignore[assignment]  # importing it raises ImportError, which Mako expects
    try:
        import alembic.config  # noqa: F401  # imported for its effect
    finally:
        del sys.modules[_COLOURS]
        if mako := sys.modules.get(_MAKO):
            _colour_when_asked(mako)


def _colour_when_asked(mako: ModuleType) -> None:
    """Remove the two names that Mako has set without colours; `__getattr__` of a module (PEP 562) sets them later."""

    def __getattr__(name: str) -> Any:  # noqa: N807  # Python's name
        if name not in _NAMES:
            raise AttributeError(f"module {_MAKO!r} has no attribute {name!r}")
        mako._install_highlighting()  # noqa: SLF001  # it has no public name
        return vars(mako)[name]

    if hasattr(mako, "_install_highlighting"):
        for name in _NAMES:
            vars(mako).pop(name, None)
        vars(mako)["__getattr__"] = __getattr__
