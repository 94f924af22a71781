"""What every log line says besides its own words: the common fields of section 6 of the contract."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import LogRecord
from typing import Any

from orchestrator import STARTED

SCHEMA = 1


@dataclass
class Context:
    """One process, as its log lines describe it."""

    service: str = "app"
    version: str = ""
    state: str = "waiting"
    boot_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: float = STARTED
    task: dict[str, str] = field(default_factory=dict)  # in ECS: task_id, cluster, task_family, task_revision
    log_format: str = "auto"

    @property
    def program_name(self) -> str:
        """Who we are to a database server: enough to find our log lines by. PostgreSQL keeps 63 bytes."""
        return f"orchestrator boot {self.boot_id}"

    def stamp(self, record: LogRecord) -> None:
        """Write down the state in which the record was made: it may be formatted later, in another."""
        record.orchestrator_state = self.state

    def fields(self, record: LogRecord) -> dict[str, Any]:
        """The common fields of `record`, but for `event`, `message` and `outcome`, in the order of the line."""
        created = datetime.fromtimestamp(record.created, UTC)
        return {
            "timestamp": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "state": getattr(record, "orchestrator_state", self.state),
            "service": self.service,
            "version": self.version,
            "logger": record.name,
            "schema": SCHEMA,
            "boot_id": self.boot_id,
            "elapsed_seconds": round(max(0.0, record.created - self.started), 3),
            **self.task,
        }

    def elapsed_seconds(self) -> float:
        """How long ago the process began."""
        return time.time() - self.started


CONTEXT = Context()
