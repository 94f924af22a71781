"""Runs a revision's `upgrade` again from the top, so that the second run does what the first would have done.

A lock timeout, a deadlock or a lost connection undoes a transaction, but not the memory of the script and the
libraries: a generator at module level is exhausted, a list is emptied, SQLAlchemy believes that its enum exists.
"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.migrations.journal.lock_retry import MigrationAborted
from orchestrator.migrations.journal.state import RevisionState

UNFINISHED: dict[tuple[Path, str], tuple[Counter[tuple[str, int]], dict[tuple[str, int], str]]] = {}
"""The statements of revisions that are not committed, by script and version table.

When the connection is lost, this process runs the revision again as soon as the database is back.
"""


class RerunDiffersError(Exception):
    """The second run omitted a statement of the first."""

    def __init__(self, statement: str) -> None:
        super().__init__(
            "another session's lock or a lost connection undid the revision, so it was run again, and then it left out "
            f"{statement!r} or one like it: something outside of its script was used up by the first run. Nothing of "
            "the second run is kept; start again"
        )


class RepeatableUpgrade:
    """A revision's `upgrade`, for one version table. Called again, it is loaded afresh and must repeat its work."""

    def __init__(self, state: RevisionState, place: str, upgrade: Callable[..., None], options: dict[str, Any]) -> None:
        self._state, self._script, self._place = state, Path(state.about.path), place
        self._upgrade, self._options = upgrade, options
        self._before, state.texts = UNFINISHED.pop((self._script, place), (Counter(), {}))
        self._runs = 0

    def __call__(self) -> None:
        """Run it.

        Raises:
            MigrationAborted: with RerunDiffersError: it omitted a statement of an earlier run.
        """
        if not self._runs:
            self._remember()
        if self._runs or self._before:
            self._start_afresh()
        self._runs += 1
        try:
            self._upgrade(**self._options)
        finally:
            UNFINISHED[self._script, self._place] = self._before | self._state.ran, self._state.texts
        if missing := next(iter(self._before - self._state.ran), None):
            raise MigrationAborted(RerunDiffersError(self._state.texts[missing]))

    def applied(self) -> None:
        """Forget its statements: it is committed."""
        UNFINISHED.pop((self._script, self._place), None)

    def _remember(self) -> None:
        context = _alembic_context()
        self._memo = {
            name: set(known) if isinstance(known, set) else known for name, known in context.impl.memo.items()
        }
        self._info = dict(context.connection.info)

    def _start_afresh(self) -> None:
        from alembic.util.pyfiles import load_python_file

        context = _alembic_context()
        for store, kept in ((context.impl.memo, self._memo), (context.connection.info, self._info)):
            store.clear()
            store.update(kept)
        self._before |= self._state.ran
        self._state.ran = Counter()
        _forget_helpers(self._script.parent)
        self._upgrade = load_python_file(self._script.parent, self._script.name).upgrade


def _alembic_context() -> Any:
    from alembic import op

    return op.get_context()


def _forget_helpers(versions: Path) -> None:
    """Make modules next to the revisions load again, except those that env.py imports and may have configured."""
    env = versions.parent / "env.py"
    folder = versions.parent if env.exists() else versions
    text = env.read_text(encoding="utf-8") if env.exists() else ""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and folder in Path(file).parents and name.rpartition(".")[2] not in text:
            del sys.modules[name]
