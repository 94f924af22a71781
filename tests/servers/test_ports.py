"""A port belongs to one test alone, in any process."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port, ports

_NAME_ONE = "from tests.servers import free_port; print(free_port())"


def test_a_port_is_not_named_to_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even before anything listens there: a worker would take another's server for its own."""
    port = free_port()
    only = f"from tests.servers import ports; ports._PORTS = [{port}]; {_NAME_ONE}"
    done = subprocess.run([sys.executable, "-c", only], cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert b"no free port" in done.stderr
    monkeypatch.setattr(ports, "_PORTS", [port])
    with pytest.raises(RuntimeError, match="no free port"):
        free_port()


def test_old_ports_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long runs do not use up the range."""
    monkeypatch.setattr(ports, "_KEPT", len(ports._kept) + 1)  # noqa: SLF001
    first = free_port()
    kept = list(ports._kept)  # noqa: SLF001
    for _ in kept:
        free_port()
    monkeypatch.setattr(ports, "_PORTS", [first])
    assert free_port() == first
