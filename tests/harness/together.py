"""Work that is done at once, and is over when the test is."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """Do all of this at once, and return what each returns.

    When one fails, the others are cancelled and waited for, and its error is raised. `asyncio.gather` leaves them
    alone: their processes and sockets then outlive the test, and the next test of the worker fails with it.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
