"""The privilege that a user of MySQL or MariaDB lacks, as the GRANT that gives it."""

import re

from sqlalchemy.engine.url import URL

from orchestrator.databases.diagnosis import RIGHTS

# The server's messages for 1142 and 1143, 1370, 1044, 1227. MariaDB names `database`.`table`, MySQL only 'table'. The
# host after `user` is the client's; the one in `account` is the account's.
_ON_TABLE = re.compile(
    r"(?P<rights>[A-Z ,]+) command denied to user '(?P<user>.*)'@'.*' for (?:column '.*' in )?table "
    r"(?:`(?P<database>(?:[^`]|``)+)`\.`)?"
)
_ON_ROUTINE = re.compile(
    r"(?P<rights>[a-z ]+) command denied to user (?P<account>'.*'@'.*') for routine '(?P<database>.*)\."
)
_ON_DATABASE = re.compile(r"Access denied for user (?P<account>'.*'@'.*') to database '(?P<database>.*)'")
_ON_SERVER = re.compile(r"at least one of\) the (?:.*(?:,| or) )?(?P<rights>.+?) privilege")  # the last: the least
_WORDS = (_ON_TABLE, _ON_ROUTINE, _ON_DATABASE, _ON_SERVER)

_MIGRATING = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"
# The privilege behind 1044, which the message lacks, by the refused statement; no statement means the login.
_ON_DATABASE_FOR = (
    (r"\bcreate\s+temporary\b", "CREATE TEMPORARY TABLES"),
    (r"\block\s+tables?\b", "LOCK TABLES"),
    (r"\b(procedure|function)\b", "CREATE ROUTINE"),
    (r"\bevent\b", "EVENT"),
    (r"\b(create|alter|drop)\s+(database|schema)\b", r"\1"),
    ("", _MIGRATING),
)


def grant(message: str, statement: str, url: URL | None) -> str:
    """Return the hint for a refusal: `message` is the server's, `url` gives user and database."""
    said = next(filter(None, (words.search(message) for words in _WORDS)), None)
    if said is None:
        return RIGHTS.hint
    told = {name: each for name, each in said.groupdict().items() if each}
    rights = told.get("rights") or _for_statement(statement)
    database = told.get("database") or (url and url.database) or ""
    where = "*.*" if said.re is _ON_SERVER else _all_of(database)
    user = told.get("user") or (url and url.username) or "user"
    account = told.get("account") or f"'{user}'@'%'"
    return (
        f"Grant what is missing: GRANT {rights.upper()} ON {where} TO {account}; (with the host of the account, as "
        f"CURRENT_USER() tells it). To migrate takes {_MIGRATING}; MIGRATION_DATABASE_URL may name a user of its own."
    )


def _for_statement(statement: str) -> str:
    matches = ((re.search(pattern, statement, re.IGNORECASE), rights) for pattern, rights in _ON_DATABASE_FOR)
    return next(found.expand(rights) for found, rights in matches if found)


def _all_of(database: str) -> str:
    """Return all tables of a database; `*` alone means the database in which the GRANT is run."""
    name = database.replace("``", "`").replace("`", "``")
    return f"`{name}`.*" if name else "*"
