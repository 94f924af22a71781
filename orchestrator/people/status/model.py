"""What `orchestrator status --json` prints: public interface, with its JSON Schema (`orchestrator status --schema`)."""

from collections.abc import Sequence
from typing import Literal

from orchestrator.people.answers import answer, meaning


@answer
class Revision:
    """A revision of this image that a database lacks."""

    revision: str
    description: str


@answer
class Run:
    """A row of the journal: one revision, applied or begun."""

    revision: str
    description: str
    state: Literal["applied", "running", "interrupted", "repaired", "rolled_back"] = meaning(
        "`running`: its connection has the lock; `interrupted`: it left something and is not stamped; "
        "`repaired`: it was interrupted, finished by hand and stamped; `rolled_back`: it was begun and left nothing"
    )
    started_at: str = meaning("RFC 3339, UTC")
    finished_at: str = meaning("RFC 3339, UTC; empty while it is not finished")
    duration_seconds: float | None = meaning("of the run that finished it, up to its commit; null if it is not known")
    app_version: str = meaning("ORCHESTRATOR_VERSION of the process that ran it")
    task_id: str = meaning("in ECS: the task that ran it")
    connection_id: int = meaning("the server's number of the connection that ran it; 0 where it has none")
    statements_done: int
    pending_statement: str = meaning("the statement that began and did not end; otherwise empty")
    statements: Sequence[str] = meaning(
        "of an unfinished revision: what it has done so far, without literals", default=()
    )


@answer
class Connection:
    """A connection to the database server, as far as this login may see it."""

    connection_id: int = meaning("the server's number; 0 where it has none (SQLite)")
    user: str
    host: str = meaning("address and port of its client")
    program: str = meaning("what its client calls itself; a start says `orchestrator boot <boot_id>`")
    state: Literal["running", "idle", "gone", "unknown"] = meaning(
        "`gone`: its client is proven to be gone, the server works on; `unknown`: this login may not see"
    )
    statement: str = meaning("the SQL that it runs, cut to 300 characters")
    seconds: float = meaning("how long it has been in this state")
    summary: str = meaning("all of it, for people")


@answer
class Lock:
    """The migration lock."""

    name: str
    holder: Connection | None = meaning("null if no session holds it")
    waiting: Sequence[Connection] = meaning(
        "the sessions that wait for it; always empty on SQLite, which does not show them"
    )
    progress: str = meaning("how the holder's statement fares, in the server's words", default="")
    progress_percent: float | None = None
    blocked_by: str = meaning("the sessions that block the holder's statement", default="")


@answer
class Database:
    """One database, schema or version table that env.py migrates."""

    context: str = meaning("its name in env.py, if env.py migrates several; otherwise empty")
    database: str
    dialect: str = meaning("`mysql`, `mariadb`, `postgresql` or `sqlite`")
    server_version: str
    version_table: str
    current: Sequence[str] = meaning("the heads in the database; empty before the first revision")
    head: Sequence[str] = meaning("the revisions that ORCHESTRATOR_TARGET stands for")
    state: Literal["at_head", "behind", "half_applied", "ahead", "unknown"] = meaning(
        "`ahead`: by the journal it has all that this image needs, and more; `unknown`: nothing proves it"
    )
    explanation: str
    pending: Sequence[Revision] = meaning("what it lacks, in the order of application")
    changed: Sequence[str] = meaning("applied revisions whose script is another one since")
    history: Sequence[Run] = meaning("the journal, the oldest first")
    lock: Lock
    notes: Sequence[str] = meaning("what this login may not see, and what env.py was kept from doing")


@answer
class Status:
    """The answer of `orchestrator status --json`."""

    service: str
    version: str = meaning("ORCHESTRATOR_VERSION of this image")
    at_head: bool = meaning("whether all databases are at head")
    databases: Sequence[Database]
    schema_version: Literal[1] = 1
