"""What `orchestrator status --json` prints: public interface, with its JSON Schema (`orchestrator status --schema`)."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Revision(_Model):
    """A revision of this image that a database lacks."""

    revision: str
    description: str


class Run(_Model):
    """A row of the journal: one revision, applied or begun."""

    revision: str
    description: str
    state: Literal["applied", "running", "interrupted", "repaired", "rolled_back"] = Field(
        description="`running`: its connection has the lock; `interrupted`: it left something and is not stamped; "
        "`repaired`: it was interrupted, finished by hand and stamped; `rolled_back`: it was begun and left nothing"
    )
    started_at: str = Field(description="RFC 3339, UTC")
    finished_at: str = Field(description="RFC 3339, UTC; empty while it is not finished")
    duration_seconds: float | None = Field(description="of the run that finished it; null where it is not known")
    app_version: str = Field(description="ORCHESTRATOR_VERSION of the process that ran it")
    task_id: str = Field(description="in ECS: the task that ran it")
    connection_id: int = Field(description="the server's number of the connection that ran it; 0 where it has none")
    statements_done: int
    pending_statement: str = Field(description="the statement that was begun and did not end; else empty")
    statements: Sequence[str] = Field(
        default=(), description="of an unfinished revision: what it has done so far, without literals"
    )


class Connection(_Model):
    """A connection to the database server, as far as this login may see it."""

    connection_id: int = Field(description="the server's number; 0 where it has none (SQLite)")
    user: str
    host: str = Field(description="address and port of its client")
    program: str = Field(description="what its client calls itself; a start says `orchestrator boot <boot_id>`")
    state: Literal["running", "idle", "gone", "unknown"] = Field(
        description="`gone`: its client is proven to be gone, the server works on; `unknown`: this login may not see"
    )
    statement: str = Field(description="the SQL that it runs, cut to 300 characters")
    seconds: float = Field(description="how long it has been in this state")
    summary: str = Field(description="all of it, for people")


class Lock(_Model):
    """The migration lock."""

    name: str
    holder: Connection | None = Field(description="null when nobody holds it")
    waiting: Sequence[Connection] = Field(description="who waits for it; on SQLite always empty, as nothing shows it")
    progress: str = Field(default="", description="how the holder's statement fares, in the server's words")
    progress_percent: float | None = None
    blocked_by: str = Field(default="", description="who is in the way of the holder's statement")


class Database(_Model):
    """One database, schema or version table that env.py migrates."""

    context: str = Field(description="what env.py calls it, where it migrates several; else empty")
    database: str
    dialect: str = Field(description="`mysql`, `mariadb`, `postgresql` or `sqlite`")
    server_version: str
    version_table: str
    current: Sequence[str] = Field(description="the heads in the database; empty before the first revision")
    head: Sequence[str] = Field(description="the revisions that ORCHESTRATOR_TARGET stands for")
    state: Literal["at_head", "behind", "half_applied", "ahead", "unknown"] = Field(
        description="`ahead`: by the journal it has all that this image needs, and more; `unknown`: nothing proves it"
    )
    explanation: str
    pending: Sequence[Revision] = Field(description="what it lacks, in the order of application")
    changed: Sequence[str] = Field(description="applied revisions whose script is another one since")
    history: Sequence[Run] = Field(description="the journal, the oldest first")
    lock: Lock
    notes: Sequence[str] = Field(description="what this login may not see, and what env.py was kept from doing")


class Status(_Model):
    """The answer."""

    schema_version: Literal[1] = 1
    service: str
    version: str = Field(description="ORCHESTRATOR_VERSION of this image")
    databases: Sequence[Database]

    @computed_field(description="whether all databases are at head")  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def at_head(self) -> bool:
        """Whether all databases are at head."""
        return all(each.state == "at_head" for each in self.databases)
