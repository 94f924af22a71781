"""MySQL and MariaDB: the sizes of tables, and the effect of definitions, which is judged in `mysql_online.py`."""

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.people.ddl.knowledge import ColumnOf, Effect
from orchestrator.people.ddl.mysql_online import Algorithm, Server, effect
from orchestrator.people.ddl.reading import Sql

AS_CONNECTED: Mapping[str, Mapping[str, Any]] = {
    "mysql": {"server_version_info": (8, 4, 0), "_connection_charset": "utf8mb4"},
    "mariadb": {"server_version_info": (10, 11, 0), "_connection_charset": "utf8mb4"},
}
SIZE = """
SELECT table_rows, data_length + index_length FROM information_schema.tables
WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name
"""
COLUMN = """
SELECT column_type, is_nullable, column_key FROM information_schema.columns
WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name AND column_name = :column
"""
OUTSIDE_TRANSACTIONS = None
COMMITS_DEFINITIONS = True
LINTED = False
_WORDS: Mapping[Algorithm, Literal["instant", "inplace", "copy"]] = {
    Algorithm.INSTANT: "instant",
    Algorithm.INPLACE: "inplace",
    Algorithm.COPY: "copy",
}


def effect_of(sql: Sql, dialect: str, version: tuple[int, ...], column: ColumnOf) -> Effect | None:
    """Return the same as `effect`, in the words of `plan --json`."""
    found = effect(sql, Server(dialect == "mariadb", version), column)
    if found is None:
        return None
    blocks: Literal["writes", "nothing"] = "writes" if found.blocks_writes else "nothing"
    return Effect(_WORDS[found.algorithm], found.rebuilds, blocks, found.reason, found.sure)
