"""A missing program is reported with its cure; no test is skipped."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import MissingBinaryError, binaries
from tests.servers.ports import listen_somewhere


@pytest.mark.parametrize(
    ("find", "package", "variable"),
    [
        (lambda: binaries.mariadb("mariadbd"), "mariadb-server-core", "ORCHESTRATOR_TEST_MARIADB_URL"),
        (lambda: binaries.postgresql("postgres"), "postgresql", "ORCHESTRATOR_TEST_POSTGRESQL_URL"),
        (binaries.chromium, "chromium", "ORCHESTRATOR_TEST_CHROMIUM"),
    ],
)
def test_a_missing_program_is_reported_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[], Path], package: str, variable: str
) -> None:
    """The message names the script, the package and the variable."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(MissingBinaryError) as caught:
        find()
    for cure in ("tests/servers/install", f"apt-get install {package}", variable):
        assert cure in str(caught.value)


@pytest.mark.parametrize(("find", "package"), [(binaries.pgbouncer, "pgbouncer"), (binaries.galera, "galera-4")])
def test_what_has_no_variable_is_reported_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, find: Callable[[], Path], package: str
) -> None:
    """It must be installed."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr(binaries, "GALERA", tmp_path / "libgalera_smm.so")
    with pytest.raises(MissingBinaryError, match=f"apt-get install {package}\\)$"):
        find()


def test_the_newest_postgresql_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten is more than nine."""
    for version in ("9", "10", "common"):
        program = tmp_path / version / "bin" / "postgres"
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
    monkeypatch.setattr(binaries, "POSTGRESQL_VERSIONS", tmp_path)
    assert binaries.postgresql("postgres") == tmp_path / "10" / "bin" / "postgres"


def test_ports_lie_where_no_client_connects_to_itself() -> None:
    """Linux takes the ports of clients from 32768 on."""
    with listen_somewhere() as listener:
        assert listener.getsockname()[1] < 32_768
