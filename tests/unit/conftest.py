"""Fixtures of the unit tests."""

from tests.unit.frozen import scripts  # noqa: F401  # a fixture
from tests.unit.pipes import pipe  # noqa: F401  # a fixture
from tests.unit.records import captured  # noqa: F401  # a fixture
