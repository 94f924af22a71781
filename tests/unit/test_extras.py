"""Modules that the plain install lacks: one sentence explains how to get them."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import clash
from orchestrator.app.importing import app_failed
from orchestrator.command_line.cli import main
from orchestrator.errors import EXIT_USAGE, StartupError
from orchestrator.extras import DISTRIBUTION, EXTRAS
from orchestrator.runtime.stop import Stop
from orchestrator.settings.validation import load
from tests.unit.environments import fault

PACKAGE = Path(__file__).parents[2] / "orchestrator"
OTHER = "orchestrator-core"


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have none of the extras."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in EXTRAS else object())


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("mysql+asyncmy://u:s3cret@h/d", "mysql"),
        ("mariadb+asyncmy://u:s3cret@h/d", "mysql"),
        ("postgresql+asyncpg://u:s3cret@h/d", "postgresql"),
        ("sqlite+aiosqlite:///d.db", "sqlite"),
    ],
)
def test_a_missing_driver_is_a_fault_that_names_the_command(url: str, extra: str) -> None:
    """It is known before anything is done, and pasting the command is the cure."""
    variable, problem = fault(DATABASE_URL=url)
    assert variable == "DATABASE_URL"
    assert problem.endswith(f"is not installed: pip install '{DISTRIBUTION}[{extra}]'")
    with pytest.raises(StartupError) as caught:
        load({"DATABASE_URL": url})
    assert caught.value.failure.hint.startswith("The variables are right")


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("arguments", [["filter", "{ $.a = 1 }"], ["timeline"]])
def test_a_missing_tool_is_one_line_that_names_the_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback would hide it."""
    assert main(arguments, Stop()) == EXIT_USAGE
    assert f"pip install '{DISTRIBUTION}[tools]'" in capsys.readouterr().err


def test_every_extra_is_one_of_the_distribution() -> None:
    """Else the command that a fault names installs nothing."""
    provided = importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    assert set(EXTRAS.values()) <= set(provided)


# ---------------------------------------------------------------- another package of our import name


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a directory of packages in which another distribution has overwritten a module of ours."""
    shutil.copytree(PACKAGE, tmp_path / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "orchestrator/command_line/cli.py").write_text("app = None\n")
    information = tmp_path / "orchestrator_core-5.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {OTHER}\nVersion: 5.0\n")
    (information / "RECORD").write_text("orchestrator/__init__.py,,\norchestrator/command_line/cli.py,,\n")
    return tmp_path


def test_another_package_of_our_name_is_named(site: Path) -> None:
    """The two overwrite each other; an ImportError from the middle of it explains nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "migrate"],
        cwd=site,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == clash.EXIT_CLASH
    (line,) = done.stdout.splitlines()
    assert '"event": "startup_failed"' in line
    assert OTHER in line
    assert done.stderr.startswith(f"orchestrator: {OTHER} and {DISTRIBUTION} both install")


def test_an_app_that_needs_the_other_package_gets_a_hint(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ours came last, theirs is the one that is broken: the app finds nothing it knows in `orchestrator`."""
    monkeypatch.syspath_prepend(str(site))
    error = ImportError("cannot import name 'OrchestratorCore' from 'orchestrator'", name="orchestrator")
    assert OTHER in app_failed("app.main:app", "it cannot be imported", error).error_message
