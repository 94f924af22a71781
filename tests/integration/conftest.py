"""Shared by the tests of locks."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.integration.contenders import CONTENDERS, Contender, contender
from tests.integration.journals import on  # noqa: F401  # a fixture
from tests.servers import Database


@pytest.fixture
def contenders(database: Database) -> Iterator[list[Contender]]:
    """Return five of them."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contender(database)) for _ in range(CONTENDERS)]
