"""A script of the project as a command that `ORCHESTRATOR_BEFORE_MIGRATE` names."""

import shlex
import sys

from tests.harness import Project

PYTHON = shlex.quote(sys.executable)


def hook(project: Project, name: str, script: str) -> str:
    """Write a script of Python, and return the command that runs it."""
    return f"{PYTHON} {project.write(f'{name}.py', script)}"
