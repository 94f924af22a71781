"""The wheel: all that an image installs."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.harness import make_project

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from a copy so that nothing is left in the repository."""
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    source.mkdir()
    shutil.copytree(REPOSITORY / "orchestrator", source / "orchestrator")
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "logging.yaml", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "."]
    subprocess.run([*command, "--wheel-dir", str(directory)], cwd=source, check=True)
    return next(directory.glob("*.whl"))


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    """An image must not get the tests or the example service with it."""
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {"logging.yaml", "serving/status_page.html", "documentation/runbook.md"}
    assert {"orchestrator/__main__.py", *(f"orchestrator/{name}" for name in data)} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"orchestrator", "startup_orchestrator"}


def test_the_wheel_installs_a_console_script_that_serves(wheel: Path, tmp_path: Path) -> None:
    """`ENTRYPOINT ["orchestrator"]` is what people write."""
    project = make_project(tmp_path / "project")
    prefix = tmp_path / "installed"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            f"--target={prefix}",
            str(wheel),
        ],
        check=True,
    )
    answer = subprocess.run(
        [prefix / "bin" / "orchestrator", "migrate"],
        cwd=project.path,
        env={"PYTHONPATH": str(prefix), "ORCHESTRATOR_EMBEDDED_DATABASE": "allow"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"event":"process_stopped"' in answer.stdout.splitlines()[-1]
    assert answer.stderr == ""


def test_the_top_level_logging_configuration_is_the_packaged_one() -> None:
    """A team that copies either one gets what the documentation describes."""
    packaged = REPOSITORY / "orchestrator/logging.yaml"
    assert (REPOSITORY / "logging.yaml").read_text() == packaged.read_text()
