"""Libraries of other versions than ours are named: an ImportError from the middle of them is no bug of ours."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from orchestrator import unfit


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a directory of packages with an old SQLAlchemy, as a second `pip install` leaves it."""
    information = tmp_path / "SQLAlchemy-1.4.41.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: SQLAlchemy\nVersion: 1.4.41\n")
    (tmp_path / "sqlalchemy").mkdir()
    (tmp_path / "sqlalchemy/__init__.py").touch()
    return tmp_path


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_start_with_an_old_library_says_so_in_its_last_event(site: Path, command: str) -> None:
    """It said that this is a bug of orchestrator, to be reported."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", command],
        cwd=site,
        env={"PYTHONPATH": str(site), "DATABASE_URL": "sqlite:///x.db", "PORT": "1"},
        capture_output=True,
        check=False,
    )
    last = orjson.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["event"], last["error_type"]) == (1, "startup_failed", "unfit_version")
    assert "sqlalchemy 1.4.41 is installed" in last["error_message"]
    assert "in one command" in last["hint"]


@pytest.mark.parametrize(
    ("installed", "fits"),
    [("1.12.9", False), ("1.13", True), ("1.13.0rc1", True), ("1.20.99", True), ("1.21", False), ("2.0", False)],
)
def test_bounds_are_compared_by_numbers(monkeypatch: pytest.MonkeyPatch, installed: str, fits: bool) -> None:  # noqa: FBT001  # a row of the table
    """1.20 is later than 1.9."""
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ["alembic[tz]<1.21,>=1.13 ; python_version > '3'"])
    monkeypatch.setattr(importlib.metadata, "version", lambda _: installed)
    assert ("alembic" not in unfit.explanation()) is fits


def test_what_is_installed_here_fits() -> None:
    """Each bound of pyproject.toml is of a kind that is understood; an extra that is not installed is no fault."""
    assert not unfit.explanation()
    assert unfit.what_it_is("x") == ("bug", "x", "")
