"""Fixtures of the acceptance tests."""

import pytest

from tests.acceptance.migrations import add_two
from tests.acceptance.passwords import owner  # noqa: F401  # a fixture
from tests.acceptance.users import every_right_needed  # noqa: F401  # a fixture
from tests.harness import Project


@pytest.fixture
def two_revisions(project: Project) -> None:
    """Give the project a revision that makes a table, and one that fills it."""
    add_two(project)
