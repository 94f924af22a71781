"""Refuses, before anything is changed, an env.py that does what we cannot support."""

from typing import TYPE_CHECKING

from sqlalchemy.engine import TwoPhaseTransaction

from orchestrator.dialects import DIALECTS, SUPPORTED
from orchestrator.migrations.scripts.tree import invalid

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_TWO_PHASE = (
    "env.py migrates in a two-phase transaction: the journal cannot be committed there before a statement that nothing "
    "rolls back"
)


def refuse_unsupported(connection: "Connection") -> None:
    """Check that this connection can be migrated.

    Raises:
        StartupError: with MigrationTreeInvalid.
    """
    name = connection.dialect.name
    if name not in DIALECTS:
        raise invalid(
            "not_supported",
            f"env.py migrates a database of the kind `{name}`; the orchestrator migrates {SUPPORTED}",
            hint="Migrate that database with a separate command: `orchestrator run`, or a hook.",
        )
    if isinstance(connection.get_transaction(), TwoPhaseTransaction):
        raise invalid("not_supported", _TWO_PHASE, hint="Use `begin()` and not `begin_twophase()` in env.py.")
