"""Findings of squawk that do not apply: it sees one statement, and not what the columns were before."""

import re

from orchestrator.people.ddl.columns import type_of
from orchestrator.people.ddl.knowledge import ColumnOf
from orchestrator.people.ddl.reading import Sql

_UNIQUE = re.compile(r"add\s+(constraint\s+\S+\s+)?(unique|primary\s+key)\b", re.IGNORECASE)
_COUNTED = re.compile(r"\b(small|big)?serial\b|\bgenerated\b", re.IGNORECASE)
_RETYPED = re.compile(r"alter\s+(?:column\s+)?(?P<name>\S+)\s+(?:set\s+data\s+)?type\s+(?P<rest>.*)", re.IGNORECASE)
_REQUIRED = re.compile(r"alter\s+(?:column\s+)?(?P<name>\S+)\s+set\s+not\s+null", re.IGNORECASE)
_CONSTANT = re.compile(  # squawk does not look into parentheses
    r"\bdefault\s*\(+\s*(current_(timestamp|date|time)|local(timestamp|time)|now\s*\(\s*\)|'(?:[^']|'')*'|-?[\d.]+|true|false)\s*\)",
    re.IGNORECASE,
)
_VARCHAR = re.compile(r"varchar(?:\((\d+)\))?")


def needless(rule: str, sql: Sql, column: ColumnOf) -> bool:
    """Return whether a finding of this rule in this statement is a false alarm.

    Args:
        rule: squawk's name of it.
        sql: the statement.
        column: returns the definition of a column of its table before the statement.
    """
    match rule:
        case "constraint-missing-not-valid":  # PostgreSQL has NOT VALID only for the others
            return all(_UNIQUE.match(each) for each in sql.clauses)
        case "adding-required-field":  # the server fills them
            return bool(_COUNTED.search(sql.bare))
        case "adding-field-with-default":
            return bool(_CONSTANT.search(sql.text))
        case "changing-column-type":
            retyped = [found for each in sql.clauses if (found := _RETYPED.match(each))]
            return bool(retyped) and all(_keeps_rows(each, column) for each in retyped)
        case "adding-not-nullable-field":
            required = [found for each in sql.clauses if (found := _REQUIRED.match(each))]
            return bool(required) and all(column(each["name"]).get("nullable") == "NO" for each in required)
    return False


def _keeps_rows(found: re.Match[str], column: ColumnOf) -> bool:
    """Return whether the server changes only its catalogue: https://www.postgresql.org/docs/current/sql-altertable.html."""
    before, after = type_of(column(found["name"]).get("type", "")), type_of(found["rest"])
    if not before or re.search(r"\b(using|collate)\b", found["rest"], re.IGNORECASE):
        return False
    if before == after:
        return True
    shorter, longer = _VARCHAR.fullmatch(before), _VARCHAR.fullmatch(after)
    if shorter and after == "text":
        return True
    if not (shorter and longer):
        return False
    return longer[1] is None or (shorter[1] is not None and int(longer[1]) >= int(shorter[1]))
