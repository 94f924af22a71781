"""Keeps Alembic's autogenerate from proposing to drop the journal's tables.

From Alembic 1.18 on this is a plugin that Alembic finds by itself through the entry point `alembic.plugins`. Its name
is inside `alembic.autogenerate.*`, which Alembic uses unless `autogenerate_plugins` excludes it. With an older Alembic,
or if other plugins are listed, env.py passes the filter itself:

    from orchestrator.autogenerate import include_name

    context.configure(..., include_name=include_name)

Alembic imports this module whenever it is imported itself, so this module imports nothing.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any

    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.plugins import Plugin
    from alembic.util import PriorityDispatchResult
else:
    ModuleType = type(sys)

JOURNAL = "orchestrator_journal"
"""The journal's table; the names of all others that belong to it begin with this and an underscore."""


def include_name(name: "str | None", type_: str, parent_names: object) -> bool:
    """Return whether autogenerate should compare this name: the filter for `context.configure(include_name=...)`.

    Call it from your own filter as `include_name(name, type_, parent_names) and ...`.
    """
    del parent_names
    return type_ != "table" or not f"{name}_".startswith(f"{JOURNAL}_")


def setup(plugin: "Plugin") -> None:
    """Take part in every comparison, before all other plugins. Alembic calls this."""
    from alembic.util import DispatchPriority

    plugin.add_autogenerate_comparator(_leave_out_the_journal, "autogenerate", priority=DispatchPriority.FIRST)


def _leave_out_the_journal(context: "AutogenContext", *_: object) -> "PriorityDispatchResult":
    """Filter the names of this one comparison, in addition to env.py's own `include_name`."""
    from alembic.util import PriorityDispatchResult

    included = context.run_name_filters

    def run_name_filters(name: "str | None", type_: "Any", parent_names: "Any") -> bool:
        return include_name(name, type_, parent_names) and included(name, type_, parent_names)

    context.run_name_filters = run_name_filters  # type: ignore[method-assign]  # only on this instance
    return PriorityDispatchResult.CONTINUE


class _Plugin(ModuleType):
    """The object that the entry point names.

    Alembic from 1.20.1 on expects a module. 1.18.0 to 1.20.0 expect a collection of modules: they iterate over the
    loaded object, and a plain module broke `import alembic` (Alembic's issue 1873). This class is both.
    """

    setup = staticmethod(setup)

    def __iter__(self) -> "Iterator[ModuleType]":
        yield self


plugin = _Plugin(__name__)
