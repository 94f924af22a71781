"""Programs that people start behind a migration, and that are too large for the locked environment."""

import os
import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "ddtrace",
    "granian",
    "honcho",  # starts a Procfile
    "hypercorn",
    "opentelemetry-distro",
    "opentelemetry-instrumentation",
    "uvicorn-worker",
)
_UV = Path(sys.executable).with_name("uv")


def install(directory: Path) -> dict[str, str]:
    """Install them into a separate directory; return the variables with which they are found there."""
    command = (_UV, "pip", "install", "--quiet", "--python", sys.executable, "--target", directory, *PACKAGES)
    subprocess.run(command, check=True)
    path = os.pathsep.join((str(directory / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
    return {"PATH": path, "PYTHONPATH": str(directory)}
