"""The privilege that a PostgreSQL role lacks, as a GRANT: the server names the object, but not the privilege."""

import re

from sqlalchemy.engine.url import URL

from orchestrator.databases.diagnosis import RIGHTS

# asyncpg appends details and hints to the name, psycopg2 the line.
_OBJECT = r"(?P<kind>(?:materialized |foreign )?[a-z]+) \"?(?P<name>.+?)\"?(?: (?:DETAIL|HINT|LINE \d+):.*)?$"
_DENIED = re.compile(rf"permission denied for {_OBJECT}")
_NOT_OWNER = re.compile(rf"must be owner of {_OBJECT}")
_EXTENSION = re.compile(r"permission denied to create extension \"(?P<name>.+?)\"")

# The minimum for the statement: UPDATE and DELETE also read, and so does INSERT with RETURNING. Without a statement it
# is the login, or the journal's own.
_ON_RELATION = (
    (r"^\s*(create|alter)\b.*\btrigger\b", "TRIGGER"),
    (r"^\s*(create|alter)\b.*\breferences\b", "REFERENCES"),
    (r"^\s*truncate\b", "TRUNCATE"),
    (r"\binsert\b", "SELECT, INSERT"),
    (r"\bupdate\b", "SELECT, UPDATE"),
    (r"\bdelete\b", "SELECT, DELETE"),
    (r"\S", "SELECT"),
    ("", "SELECT, INSERT, UPDATE, DELETE"),
)
_RIGHTS = {
    **dict.fromkeys(("table", "relation", "view", "materialized view", "foreign table"), _ON_RELATION),
    "schema": ((r"^\s*(select|insert|update|delete|with)\b", "USAGE"), ("", "USAGE, CREATE")),
    "database": ((r"\S", "CREATE"), ("", "CONNECT")),
    "sequence": (("", "USAGE, SELECT"),),
    "function": (("", "EXECUTE"),),
    "procedure": (("", "EXECUTE"),),
    "type": (("", "USAGE"),),
    "language": (("", "USAGE"),),
    "tablespace": (("", "CREATE"),),
}
# Where to find the owner: column, catalogue, and column of the name; pg_class for all other kinds.
_OWNERS = {
    "schema": ("nspowner", "pg_namespace", "nspname"),
    "function": ("proowner", "pg_proc", "proname"),
    "procedure": ("proowner", "pg_proc", "proname"),
    "type": ("typowner", "pg_type", "typname"),
}
_OR_ELSE = "MIGRATION_DATABASE_URL may name a user of its own for migrating."


def grant(message: str, statement: str, url: URL | None) -> str:
    """Return the hint for a refusal: `message` is the server's, `url` gives the role."""
    role = _quoted((url and url.username) or "user")
    if said := _EXTENSION.search(message):
        return f"An administrator may create it beforehand: CREATE EXTENSION IF NOT EXISTS {_quoted(said['name'])};"
    if said := _NOT_OWNER.search(message):
        return f"Only its owner may: GRANT owner TO {role}; where {_owner(said['kind'], said['name'])}. {_OR_ELSE}"
    if (said := _DENIED.search(message)) and said["kind"] in _RIGHTS:
        kind = "" if _RIGHTS[said["kind"]] is _ON_RELATION else f"{said['kind'].upper()} "
        rights = _for_statement(said["kind"], statement)
        return f"Grant what is missing: GRANT {rights} ON {kind}{_quoted(said['name'])} TO {role}; {_OR_ELSE}"
    return RIGHTS.hint


def _for_statement(kind: str, statement: str) -> str:
    found = (rights for pattern, rights in _RIGHTS[kind] if re.search(pattern, statement, re.IGNORECASE | re.DOTALL))
    return next(found)


def _owner(kind: str, name: str) -> str:
    owner, catalogue, column = _OWNERS.get(kind, ("relowner", "pg_class", "relname"))
    literal = name.replace("'", "''")
    return f"SELECT {owner}::regrole FROM {catalogue} WHERE {column} = '{literal}' names the owner"  # noqa: S608  # a hint


def _quoted(identifier: str) -> str:
    doubled = identifier.replace('"', '""')
    return f'"{doubled}"'
