"""An environment with other versions of the libraries than the locked ones, and the tests that are run in it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.compat.versions import ROOT, extras_of_a_start

LOWEST, HIGHEST = "lowest", "highest"

_UV = Path(sys.executable).with_name("uv")
FEW_TESTS = (
    "tests/unit/test_contracts.py",
    "tests/integration/test_autocommit.py",
    "tests/acceptance/test_at_head.py",
    "tests/acceptance/test_migrating.py",
)
TESTS = (
    "tests/unit/test_contracts.py",
    "tests/unit/test_extras.py",
    "tests/unit/test_settings_faults.py",
    "tests/unit/test_own_address.py",
    "tests/unit/test_log_lines.py",
    "tests/unit/test_log_exceptions.py",
    "tests/unit/test_log_process.py",
    "tests/unit/test_log_process_configured.py",
    "tests/unit/test_log_text.py",
    "tests/unit/test_manifest.py",
    "tests/unit/test_manifest_changes.py",
    "tests/unit/test_manifest_refused.py",
    "tests/integration/test_autocommit.py",
    "tests/integration/test_backends.py",
    "tests/integration/test_dbapi_proxy.py",
    "tests/acceptance/test_autogenerate.py",
    "tests/acceptance/test_at_head.py",
    "tests/acceptance/test_migrating.py",
    "tests/acceptance/test_port.py",
    "tests/acceptance/test_port_starting.py",
    "tests/acceptance/test_resuming.py",
    "tests/acceptance/test_signals.py",
)


class Environment:
    """A virtual environment, made when it is entered and removed when it is left.

    Attributes:
        name: `lowest`, `highest`, or requirements separated by spaces.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._directory = tempfile.TemporaryDirectory(prefix="orchestrator-compat-")
        self._path = Path(self._directory.name, "venv")

    def __enter__(self) -> Self:
        """Install the locked versions, then the requested ones, even if the test tools declare a conflict."""
        _uv("venv", "--quiet", "--python", sys.executable, str(self._path))
        self._pip("sync", "--quiet", "--require-hashes", str(ROOT / "requirements/dev.lock"))
        self._pip("install", "--quiet", "--no-deps", "--only-binary", ":all:", *self._versions())
        self._pip("install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._directory.cleanup()

    def test(self, *files: str) -> str:
        """Run the tests; return the output of failed ones, empty if all passed."""
        command = [
            str(self._path / "bin/python"),
            "-m",
            "pytest",
            "-q",
            "--no-header",
            "-n",
            "4",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore::pytest.PytestUnraisableExceptionWarning",  # SQLAlchemy 2.0.20 raises some itself
            "-W",
            "ignore:Empty parameter sequence:sqlalchemy.exc.SADeprecationWarning",  # Alembic 1.12 with SQLAlchemy 2.1
        ]
        done = subprocess.run([*command, *files], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        return done.stdout if done.returncode else ""

    def _versions(self) -> list[str]:
        if self.name not in (LOWEST, HIGHEST):
            return self.name.split()
        resolution = "lowest-direct" if self.name == LOWEST else "highest"
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        extras = [f"--extra={name}" for name in extras_of_a_start()]
        options = ("--quiet", *extras, "--no-header", "--no-annotate", "--python-version", python)
        return _uv("pip", "compile", *options, "--resolution", resolution, str(ROOT / "pyproject.toml")).split()

    def _pip(self, command: str, *arguments: str) -> None:
        _uv("pip", command, "--python", str(self._path), *arguments)


def _uv(*arguments: str) -> str:
    environ = os.environ | {"VIRTUAL_ENV": ""}
    return subprocess.run([_UV, *arguments], env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout
