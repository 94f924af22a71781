"""The product as its users have it: a process, started in a project, that writes events."""

from tests.harness.client import http_client
from tests.harness.output import Event, Output
from tests.harness.process import PATIENCE_SECONDS, PROMPT_SECONDS, Orchestrator, Result, run
from tests.harness.project import Project, make_project
from tests.harness.together import together

__all__ = [
    "PATIENCE_SECONDS",
    "PROMPT_SECONDS",
    "Event",
    "Orchestrator",
    "Output",
    "Project",
    "Result",
    "http_client",
    "make_project",
    "run",
    "together",
]
