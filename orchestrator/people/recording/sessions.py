"""Lets a `Session(bind=op.get_bind())` of a revision work without a database: a query finds no rows.

A hook of the Session answers instead of the database:
https://docs.sqlalchemy.org/en/20/orm/events.html#sqlalchemy.orm.SessionEvents.do_orm_execute.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.orm import ORMExecuteState, Session

from orchestrator.people.recording.answers import Answering


class _NoObjects(IteratorResult[Any]):
    """The result of a query or a change: no rows."""

    rowcount = 0

    def __init__(self) -> None:
        super().__init__(SimpleResultMetaData(["object"]), iter(()))


@contextlib.contextmanager
def answered_sessions() -> Iterator[None]:
    """Record what sessions execute inside the block, where the revision has no database."""
    event.listen(Session, "do_orm_execute", _answer)
    try:
        yield
    finally:
        event.remove(Session, "do_orm_execute", _answer)


def _answer(state: ORMExecuteState) -> _NoObjects | None:
    bind: Any = state.session.get_bind(**state.bind_arguments)
    if not isinstance(bind, Answering):
        return None
    bind.execute(state.statement)
    return _NoObjects()
