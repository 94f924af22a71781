"""The running statement of another connection, as a second one sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

STATEMENT_LENGTH = 300  # of another session's SQL, in characters


@dataclass(frozen=True)
class Blocker:
    """A session that holds the lock that a statement waits for.

    Attributes:
        name: such as "connection 12 of app@10.0.0.3".
        doing: such as "Sleep, in a transaction"; empty if it is not visible to us.
        seconds: since the transaction began; since its last statement if only that is known.
        statement: its last one, shortened.
    """

    name: str
    doing: str = ""
    seconds: float = 0.0
    statement: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.doing} for {self.seconds:.0f} s)" if self.doing else self.name


@dataclass(frozen=True)
class Observation:
    """The progress of a statement. A part is empty if the server does not know it or does not show it to us.

    Attributes:
        state: in the server's words, such as "copy to tmp table".
        progress_percent: of the statement; on PostgreSQL of the phase in `state`.
        rows: how many it has processed.
        waits_for_lock: whether it waits because other sessions hold a table or a row.
        blockers: those sessions, the oldest first.
        guessed: whether they are only likely to be the blockers.
        is_idle: whether the connection runs nothing: the server has sent the answer.
    """

    state: str = ""
    progress_percent: float | None = None
    rows: int | None = None
    waits_for_lock: bool = False
    blockers: Sequence[Blocker] = ()
    guessed: bool = False
    is_idle: bool = False

    @property
    def blocked_by(self) -> str:
        """Return the oldest blocker, for people."""
        if not self.blockers:
            return ""
        oldest, *others = self.blockers
        perhaps = "perhaps " if self.guessed else ""
        more = f" and {len(others)} more" if others else ""
        statement = f": {' '.join(oldest.statement.split())}" if oldest.statement else ""
        return f"{perhaps}{oldest}{more}{statement}"

    @property
    def blocked_seconds(self) -> float:
        """Return how long the oldest one has blocked."""
        return self.blockers[0].seconds if self.blockers else 0.0


async def answer(connection: "AsyncConnection", *questions: str) -> Sequence[Any]:
    """Return the rows of the first query that has any; none if rights or instruments are missing."""
    for question in questions:
        try:
            found = (await connection.exec_driver_sql(question)).all()
        except DBAPIError:
            await connection.rollback()  # PostgreSQL accepts nothing before that
            continue
        if found:
            return found
    return ()
