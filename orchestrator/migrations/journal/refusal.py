"""Why an interrupted revision is not resumed."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.migrations.journal.statement_log import StatementLog


class NotResumable(Exception):  # noqa: N818  # a judgement
    """Nothing proves that the revision can go on where it stopped; the text says what is missing.

    Attributes:
        history: what is on record.
    """

    history: "StatementLog | None" = None
