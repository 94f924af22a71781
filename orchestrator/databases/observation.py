"""The running statement of another connection, as a second one sees it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

STATEMENT_LENGTH = 300  # of another session's SQL, in characters


class Blocker(NamedTuple):
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


class Observation(NamedTuple):
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
        """Return who the oldest blocker is, and nothing that changes while it blocks."""
        return self.blockers[0].name if self.blockers else ""

    @property
    def blocked_by_state(self) -> str:
        """Return what is known about it, for people."""
        if not self.blockers:
            return ""
        guess = "only likely" if self.guessed else ""
        others = f"one of {len(self.blockers)}" if len(self.blockers) > 1 else ""
        return "; ".join(filter(None, (self.blockers[0].doing, others, guess)))

    @property
    def blocked_by_statement(self) -> str:
        """Return its last SQL, on one line."""
        return " ".join(self.blockers[0].statement.split()) if self.blockers else ""

    @property
    def blocked_seconds(self) -> float:
        """Return how long the oldest one has blocked."""
        return self.blockers[0].seconds if self.blockers else 0.0


NOTHING_SEEN = Observation()


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
