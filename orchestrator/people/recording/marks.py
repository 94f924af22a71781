"""Finds the operation of Alembic that a statement belongs to, and its line in the script.

A batch collects its operations, and executes them when its block ends.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from alembic.operations import BatchOperations, Operations
from alembic.operations.ops import AlterColumnOp
from sqlalchemy.types import to_instance

if TYPE_CHECKING:
    from types import FrameType

    from sqlalchemy.engine import Dialect


class Mark(NamedTuple):
    """An operation and its line; 0 if the line is unknown."""

    operation: Any = None
    line: int = 0

    @property
    def name(self) -> str:
        """The name of its method, such as `add_column`; `execute` for SQL that the revision wrote."""
        if self.operation is None:
            return "execute"
        name = type(self.operation).__name__.removesuffix("Op").removesuffix("SQL")
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")

    def column(self, dialect: "Dialect") -> dict[str, str]:
        """Return an altered column's previous type and nullability, in the words of MySQL's information_schema."""
        operation = self.operation
        if not isinstance(operation, AlterColumnOp) or operation.existing_type is None:
            return {}
        before = operation.existing_nullable
        if before is None:
            before = not operation.modify_nullable if operation.modify_nullable is not None else True
        with contextlib.suppress(Exception):  # a custom type that this dialect cannot write
            kind = to_instance(operation.existing_type).compile(dialect=dialect)
            return {"type": kind, "nullable": "YES" if before else "NO"}
        return {}


_current: list[Mark] = []


def current(path: str) -> Mark:
    """Return the running operation and its line in the script at `path`."""
    mark = _current[-1] if _current else Mark()
    return mark if mark.line else mark._replace(line=running_line(path))


def running_line(path: str) -> int:
    """Return the line of the script that called us; 0 if the script is not on the call stack."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # inspect.stack() would read every file on the way
    while frame and frame.f_code.co_filename != path:
        frame = frame.f_back
    return frame.f_lineno if frame else 0


class _Batch(list[Any]):
    """The operations of a batch. The operation that is taken from it becomes the current one."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[Mark] = []

    def __iter__(self) -> Iterator[Any]:
        for entry, mark in zip(super().__iter__(), self.marks, strict=False):
            _current.append(mark)
            try:
                yield entry
            finally:
                _current.pop()


@contextlib.contextmanager
def marked(path: str) -> Iterator[None]:
    """Let `current` return the running operation inside the block."""
    base = next(each for each in Operations.__mro__ if "invoke" in vars(each))
    invoke = vars(base)["invoke"]

    def with_mark(self: Any, operation: Any) -> Any:
        mark = Mark(operation, running_line(path))
        _current.append(mark)
        try:
            if isinstance(self, BatchOperations):
                return _in_batch(self, mark, invoke, operation)
            return invoke(self, operation)
        finally:
            _current.pop()

    base.invoke = with_mark  # type: ignore[attr-defined]
    try:
        yield
    finally:
        base.invoke = invoke  # type: ignore[attr-defined]
        _current.clear()


def _in_batch(batch_op: Any, mark: Mark, invoke: Any, operation: Any) -> Any:
    if not isinstance(batch_op.impl.batch, _Batch):
        batch_op.impl.batch = _Batch()
    result, batch = invoke(batch_op, operation), batch_op.impl.batch
    batch.marks += [mark] * (len(batch) - len(batch.marks))
    return result
