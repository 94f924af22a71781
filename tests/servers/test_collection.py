"""The tests of a run depend on the given servers, and the summary names what is left out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import given

_MYSQL = "mysql+asyncmy://app:s3cret@127.0.0.1:1/app"
_NOT_TESTED = "MySQL 9: not tested, ORCHESTRATOR_TEST_MYSQL_URL is not set"


def _collected(monkeypatch: pytest.MonkeyPatch, mysql_url: str) -> str:
    monkeypatch.setenv("ORCHESTRATOR_TEST_MYSQL_URL", mysql_url)
    file = Path(__file__).with_name("test_database_fixture.py")
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", str(file)]
    root = Path(__file__).parents[2]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout


def test_mysql_is_tested_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parameter comes with its URL."""
    collected = _collected(monkeypatch, _MYSQL)
    assert "test_a_database_begins_empty[mysql]" in collected
    assert "test_a_test_may_be_for_mysql_alone[mysql]" in collected
    assert _NOT_TESTED not in collected


def test_mysql_is_not_tested_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the URL no test of MySQL is collected, and the summary reports it."""
    collected = _collected(monkeypatch, "")
    assert "test_a_database_begins_empty[mariadb]" in collected
    assert "[mysql]" not in collected
    assert "for_mysql_alone" not in collected
    assert _NOT_TESTED in collected


def test_a_variable_of_the_tests_stays_with_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read when the run begins, and is nothing that the product could come upon."""
    monkeypatch.setenv("ORCHESTRATOR_TEST_NEVER_SET", "1")
    assert given("NEVER_SET") is None
