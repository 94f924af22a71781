"""What a second connection sees of the statement that another one runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

STATEMENT_LENGTH = 300  # characters that are told of somebody else's SQL


@dataclass(frozen=True)
class Blocker:
    """Somebody who has the lock that a statement waits for.

    Attributes:
        name: such as "connection 12 of app@10.0.0.3".
        doing: such as "Sleep, in a transaction"; empty where we may not see it.
        seconds: since the transaction began; since its last statement where only that is known.
        statement: its last one, cut.
    """

    name: str
    doing: str = ""
    seconds: float = 0.0
    statement: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.doing} for {self.seconds:.0f} s)" if self.doing else self.name


@dataclass(frozen=True)
class Observation:
    """How a statement fares; a part is empty where the server does not know it, or does not tell us.

    Attributes:
        state: in the server's words, such as "copy to tmp table".
        progress_percent: of the statement; on PostgreSQL of the phase that `state` names.
        rows: how many it has worked through.
        waits_for_lock: a table or a row of it is locked by others, and nothing goes on.
        blockers: those others, the oldest first.
        guessed: they are only those who might be it.
    """

    state: str = ""
    progress_percent: float | None = None
    rows: int | None = None
    waits_for_lock: bool = False
    blockers: Sequence[Blocker] = ()
    guessed: bool = False

    @property
    def blocked_by(self) -> str:
        """The oldest of the blockers, for people."""
        if not self.blockers:
            return ""
        oldest, *others = self.blockers
        perhaps = "perhaps " if self.guessed else ""
        more = f" and {len(others)} more" if others else ""
        statement = f": {' '.join(oldest.statement.split())}" if oldest.statement else ""
        return f"{perhaps}{oldest}{more}{statement}"

    @property
    def blocked_seconds(self) -> float:
        """How long the oldest has been in the way."""
        return self.blockers[0].seconds if self.blockers else 0.0


async def answer(connection: "AsyncConnection", *questions: str) -> Sequence[Any]:
    """The rows of the first question that has any; none where rights or instruments are missing."""
    for question in questions:
        try:
            found = (await connection.exec_driver_sql(question)).all()
        except DBAPIError:
            await connection.rollback()  # before that PostgreSQL answers nothing else
            continue
        if found:
            return found
    return ()
