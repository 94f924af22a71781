"""Fixtures of the unit tests."""

from tests.unit.frozen import scripts  # noqa: F401  # a fixture
