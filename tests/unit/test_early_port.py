"""The port is open before the start imports anything heavy: SQLAlchemy alone takes a tenth of a second."""

import subprocess
import sys
from pathlib import Path

HEAVY = {"alembic", "asyncmy", "cryptography", "fastapi", "mako", "pydantic", "sqlalchemy", "uvicorn", "yaml"}
NOT_NEEDED = {
    "difflib",
    "tomllib",
    "multiprocessing",
    "email.parser",
    "http.server",
    "orchestrator.migrations",
}
_OPEN = """
import os, pathlib, sys
from orchestrator.start import process
from orchestrator.serving import server
from orchestrator.runtime.stop import Stop
from orchestrator.runtime.task import Task

async def opened(*arguments):
    pathlib.Path("imported").write_text(" ".join(sys.modules))
    os._exit(0)

server.open_port = opened
process.run(Task("serve"), Stop())
"""


def test_nothing_heavy_is_imported_before_the_port_opens(tmp_path: Path) -> None:
    """A load balancer, a deployment and a person get the first answer as early as possible."""
    url = "mysql+asyncmy://app:s3cret@127.0.0.1:1/app"
    command = [sys.executable, "-c", _OPEN]
    done = subprocess.run(command, env={"DATABASE_URL": url}, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported = (tmp_path / "imported").read_text().split()
    assert "orchestrator.serving.gate" in imported
    assert not (HEAVY | NOT_NEEDED).intersection(imported)
