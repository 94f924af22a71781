"""The lock files install what they name, on the day that they are made and on every later one."""

import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
LOCKS = sorted((REPOSITORY / "requirements").glob("*.lock"))
UV = Path(sys.executable).with_name("uv")
INSTALLED_HERE = {"run", "run-aws", "dev"}  # the last one contains the others
OLDEST_PIP = "22.3.1"  # of Python 3.11.0


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index, beside the usual one, that has a newer release of everything that is locked."""
    directory = tmp_path_factory.mktemp("newer")
    for name in {name for lock in LOCKS for name, _ in _entries(lock)}:
        stem = f"{name.replace('-', '_')}-9999"
        with zipfile.ZipFile(directory / f"{stem}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 9999\n")
            wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return directory


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_installs_the_same_versions_after_later_releases(lock: Path, newer: Path, tmp_path: Path) -> None:
    """As `make` does it: a release of coverage newer than the lock broke every fresh clone."""
    python = _environment(tmp_path)
    _run(UV, "pip", "sync", "-q", "--require-hashes", "--find-links", str(newer), "--python", python, str(lock))
    _run(UV, "pip", "check", "-q", "--python", python)
    assert _installed(python) == {name for name, marker in _entries(lock) if marker.evaluate()}


@pytest.mark.soak
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_installs_on_every_supported_python(lock: Path, version: str, tmp_path: Path) -> None:
    """From wheels: a newcomer has no compiler."""
    interpreter = _interpreter(version)
    if not interpreter:
        pytest.skip(f"Python {version} is not installed")
    python = _environment(tmp_path, interpreter)
    options = ("-q", "--require-hashes", "--only-binary", ":all:", "--python", python)
    _run(UV, "pip", "sync", *options, str(lock))
    _run(UV, "pip", "check", "-q", "--python", python)


@pytest.mark.soak
@pytest.mark.timeout(600)  # an old pip asks the index for each package, one after the other
@pytest.mark.parametrize("pip", [f"pip=={OLDEST_PIP}", "pip"])
@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.stem != "dev"], ids=lambda lock: lock.stem)
def test_pip_installs_the_same_versions_after_later_releases(lock: Path, pip: str, newer: Path, tmp_path: Path) -> None:
    """As the image does it, with the oldest pip of a supported Python and with the newest."""
    python = _environment(tmp_path)
    _run(UV, "pip", "install", "-q", "--python", python, pip)
    options = ("--quiet", "--no-deps", "--require-hashes", "--find-links", str(newer))
    _run(python, "-m", "pip", "install", *options, "--requirement", str(lock))
    _run(python, "-m", "pip", "check")


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.stem in INSTALLED_HERE], ids=lambda lock: lock.stem)
def test_a_lock_keeps_the_extras_that_its_packages_require(lock: Path) -> None:
    """Otherwise a pip that resolves takes the newest `coverage[toml]`, which has no hash, and fails."""
    locked = dict(re.findall(r"^([a-z0-9-]+)(?:\[([a-z0-9,-]+)\])?==", lock.read_text(), re.MULTILINE))
    packages = ["startup-orchestrator", *(name for name, marker in _entries(lock) if marker.evaluate())]
    needs = [Requirement(each) for package in packages for each in metadata.requires(package) or ()]
    wanted = [each for each in needs if each.extras and (not each.marker or each.marker.evaluate({"extra": ""}))]
    assert wanted, "SQLAlchemy's `asyncio` at least"
    assert [str(each) for each in wanted if not each.extras <= set(locked[each.name.lower()].split(","))] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_index_and_no_place(lock: Path) -> None:
    """It can be installed from any index."""
    assert not re.search(r"https?:|file:|index|^-[^-]|^--(?!hash)| @ ", lock.read_text(), re.MULTILINE)


def _environment(directory: Path, version: str = sys.executable) -> str:
    _run(UV, "venv", "-q", "--no-python-downloads", "--python", version, str(directory / "venv"))
    return str(directory / "venv/bin/python")


def _interpreter(version: str) -> str | None:
    """Return a Python of this minor version: one of pyenv's, which its shims hide from uv, or what uv finds."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    if theirs := sorted(pyenv.glob(f"versions/{version}.*/bin/python")):
        return str(theirs[-1])
    command = ("python", "find", "--no-project", "--no-python-downloads", version)
    found = subprocess.run([UV, *command], capture_output=True, text=True, check=False)
    return None if found.returncode else found.stdout.strip()


def _run(*command: str | Path) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _entries(lock: Path) -> list[tuple[str, Marker]]:
    """Return what is locked, and for which platforms and versions of Python."""
    found = re.findall(r"^([a-z0-9-]+)\S+(?: ; (.*?))? \\$", lock.read_text(), re.MULTILINE)
    return [(name, Marker(marker or "python_version > '3'")) for name, marker in found]


def _installed(python: str) -> set[str]:
    return {line.partition("==")[0] for line in _run(UV, "pip", "freeze", "--python", python).split()}
