"""The packaged logging.yaml as Python data: a start with it need not import YAML, which takes 20 ms.

People read and copy the file; a test keeps the two equal.
"""

from typing import Any

PACKAGED: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "orchestrator.log.formatter"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["stdout"]},
    "loggers": {
        "orchestrator": {"level": "INFO"},
        "orchestrator.request": {"level": "INFO"},
        "alembic": {"level": "INFO", "handlers": ["stdout"]},
        "uvicorn": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
        "uvicorn.access": {"level": "INFO", "propagate": False},
        "asyncmy": {"level": "ERROR"},
    },
}
