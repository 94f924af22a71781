"""What `orchestrator plan --json` prints: public interface, with its JSON Schema (`orchestrator plan --schema`)."""

from collections.abc import Sequence
from typing import Literal

from orchestrator.people.answers import answer, meaning


@answer
class Table:
    """A table that a statement changes, as it is now."""

    name: str
    exists: bool = meaning("false: an earlier statement of the plan makes it, or nothing does")
    rows: int | None = meaning("an estimate of the server; null where it has none")
    bytes: int | None = meaning("with its indexes; null where it is not known")


@answer
class Work:
    """The effect of a definition on a table in use."""

    algorithm: Literal["instant", "inplace", "copy", "metadata", "scan", "index", "rewrite"] = meaning(
        "MySQL, MariaDB: `instant`, `inplace` or `copy`; PostgreSQL: `metadata`, `scan`, `index` or `rewrite`"
    )
    rebuilds: bool = meaning("every row is written again")
    blocks: Literal["nothing", "writes", "reads and writes"] = meaning(
        "what others cannot do while it runs; for a moment at its beginning and end it blocks both"
    )
    reason: str
    sure: bool = meaning("false: it depends on what is not known here")


@answer
class Finding:
    """A danger that `orchestrator check` finds."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    cure: str
    manual: str


@answer
class Statement:
    """One statement of a revision."""

    sql: str
    line: int = meaning("in the script; 0 where it is not known")
    operation: str = meaning("Alembic's operation, such as `add_column`; `execute` for SQL that the revision wrote")
    autocommit: bool = meaning("it stands in an autocommit_block")
    table: Table | None = meaning(
        "the table that it concerns; for a CREATE TABLE null, unless the table exists and the statement will fail"
    )
    work: Work | None = meaning("null for what changes no definition of an existing table, or is not known")
    findings: Sequence[Finding]


@answer
class Revision:
    """A pending revision."""

    revision: str
    description: str
    path: str
    offline: bool = meaning("whether all its SQL is known: it neither reads nor fails without a database")
    problem: str = meaning("why a part of its SQL is not known; otherwise empty")
    statements: Sequence[Statement]


@answer
class Database:
    """One database, schema or version table that env.py migrates."""

    context: str = meaning("its name in env.py, if env.py migrates several; otherwise empty")
    database: str
    dialect: str
    server_version: str
    current: Sequence[str]
    head: Sequence[str]
    explanation: str
    pending: Sequence[Revision] = meaning("in the order of application")
    notes: Sequence[str] = meaning("what could not be judged, and what env.py was kept from doing")


@answer
class Plan:
    """The answer of `orchestrator plan --json`."""

    service: str
    version: str = meaning("ORCHESTRATOR_VERSION of this image")
    databases: Sequence[Database]
    schema_version: Literal[1] = 1
