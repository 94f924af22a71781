"""Alembic's autogenerate does not propose to drop the journal's tables.

From Alembic 1.18 on this is a plugin that Alembic finds by itself (entry point `alembic.plugins`), under a name within
`alembic.autogenerate.*`, the plugins that it uses unless `autogenerate_plugins` says otherwise. For an older Alembic,
or other plugins, env.py passes the filter itself:

    from orchestrator.autogenerate import include_name

    context.configure(..., include_name=include_name)

It is imported whenever Alembic is, so it imports nothing.
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
    """Whether autogenerate is to compare what is called so, as `context.configure(include_name=...)` asks it.

    Call it from a filter of your own as `include_name(name, type_, parent_names) and ...`.
    """
    del parent_names
    return type_ != "table" or not f"{name}_".startswith(f"{JOURNAL}_")


def setup(plugin: "Plugin") -> None:
    """Called by Alembic: take part in every comparison, before everything else."""
    from alembic.util import DispatchPriority

    plugin.add_autogenerate_comparator(_leave_out_the_journal, "autogenerate", priority=DispatchPriority.FIRST)


def _leave_out_the_journal(context: "AutogenContext", *_: object) -> "PriorityDispatchResult":
    """Filter the names of this one comparison, besides env.py's own `include_name`."""
    from alembic.util import PriorityDispatchResult

    included = context.run_name_filters

    def run_name_filters(name: "str | None", type_: "Any", parent_names: "Any") -> bool:
        return include_name(name, type_, parent_names) and included(name, type_, parent_names)

    context.run_name_filters = run_name_filters  # type: ignore[method-assign]  # of this instance
    return PriorityDispatchResult.CONTINUE


class _Plugin(ModuleType):
    """What the entry point names: a module for Alembic from 1.20.1 on, a collection of modules for 1.18.0 to 1.20.0.

    Those iterate over whatever the entry point loads (Alembic's #1873), and a plain module ended `import alembic`.
    """

    setup = staticmethod(setup)

    def __iter__(self) -> "Iterator[ModuleType]":
        yield self


plugin = _Plugin(__name__)
