"""Fixtures of the acceptance tests."""

from tests.acceptance.passwords import owner  # noqa: F401  # a fixture
