"""Reads a pattern: from its text to conditions, or to an error message."""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from orchestrator.cloudwatch.invalid import Invalid, begins

Kind = Literal["TERM", "STRING", "REGEX"]


@dataclass(frozen=True, slots=True)
class Operand:
    """The right side of a comparison.

    Attributes:
        kind: How it was written: unquoted, in double quotes, or between percent signs.
        text: Its content, without quotes and escapes.
        position: Where it begins in the pattern.
    """

    kind: Kind
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of a selector.

    Attributes:
        selector: As written: `$.users[0].id`.
        position: Where the selector begins in the pattern.
        operator: `=`, `!=`, `<`, `<=`, `>`, `>=`, or the words `IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`.
        operand: None for the words.
    """

    selector: str
    position: int
    operator: str
    operand: Operand | None = None


@dataclass(frozen=True, slots=True)
class Compound:
    """Conditions of which all must hold (`&&`), or one (`||`)."""

    operator: Literal["&&", "||"]
    parts: tuple["Expression", ...]


Expression = Condition | Compound


def conditions(expression: Expression) -> Iterator[Condition]:
    """Yield the conditions in the order in which they were written."""
    if isinstance(expression, Condition):
        yield expression
    else:
        for part in expression.parts:
            yield from conditions(part)


def parse_pattern(text: str) -> Expression:
    """Parse a pattern.

    Raises:
        Invalid: The text is not a pattern.
    """
    try:
        parsed: Expression = _PARSER.parse(text)  # type: ignore[assignment]  # lark knows only trees
    except (UnexpectedCharacters, UnexpectedToken) as error:
        raise _refusal(text, error) from None
    return parsed


# ---------------------------------------------------------------- from tokens to conditions


@v_args(inline=True)
class _Conditions(Transformer[Token, Expression]):
    """Called by the parser while it runs, so that nesting costs no recursion."""

    def any(self, *parts: Expression) -> Expression:
        return Compound("||", parts)

    def all(self, *parts: Expression) -> Expression:
        return Compound("&&", parts)

    def comparison(self, selector: Token, operator: Token, operand: Token) -> Expression:
        return Condition(str(selector), begins(selector), str(operator), _operand(operand))

    def constant(self, selector: Token, word: Token) -> Expression:
        return Condition(str(selector), begins(selector), f"IS {word}")

    def absence(self, selector: Token) -> Expression:
        return Condition(str(selector), begins(selector), "NOT EXISTS")


def _operand(token: Token) -> Operand:
    if token.type == "STRING":
        # A backslash escapes a quote or a backslash (the CDK writes these two); before any other character it is
        # literal.
        return Operand("STRING", re.sub(r'\\(["\\])', r"\1", token[1:-1]), begins(token))
    if token.type == "REGEX":
        return Operand("REGEX", token[1:-1], begins(token))
    _check_unquoted(token)
    return Operand("TERM", str(token), begins(token))


def _check_unquoted(token: Token) -> None:
    """Check an unquoted operand: a number, or letters, digits, `_`, `.` and `*` (AWS's examples have `123.123.*`)."""
    if re.fullmatch(r"[A-Za-z0-9_.*]+|[+-][0-9.*]+|[+-]?[0-9.]+[eE][+-]?[0-9]+", token):
        return
    strange = token.lstrip(string.ascii_letters + string.digits + "_.*")
    quotes = "double quotes, not single ones" if "'" in strange else "double quotes"
    reason = f"a value with other characters than letters, digits, _, . and * belongs in {quotes}"
    raise Invalid(begins(token) + len(token) - len(strange), reason)


_PARSER = Lark.open("pattern.lark", rel_to=__file__, parser="lalr", transformer=_Conditions(), maybe_placeholders=False)


# ---------------------------------------------------------------- the message for a text that is not a pattern

_OPERATOR = "an operator: =, !=, <, <=, >, >=, IS NULL, IS TRUE, IS FALSE or NOT EXISTS"
_NAMES = {
    "SELECTOR": "a selector such as $.name",
    "COMPARISON": _OPERATOR,
    "TERM": "a value",
    "NULL": "NULL, TRUE or FALSE",
    "_EXISTS": "EXISTS",
    "RBRACE": "&&, || or }",
    "RPAR": "&&, || or )",
}
_UNCLOSED = {'"': "no double quote closes this string", "%": "no % closes this regular expression"}
_NAME_ENDS = "a selector's names have only letters, digits, - and _; any other key is written $.['key']"
_BRACKETS = "expected an index such as [0], [*], or ['key'] in single quotes"


def _refusal(text: str, error: UnexpectedCharacters | UnexpectedToken) -> Invalid:
    position = begins(error)
    expected = error.allowed if isinstance(error, UnexpectedCharacters) else error.accepts or error.expected
    if "TERM" in expected and text[position : position + 1] in _UNCLOSED:
        return Invalid(position, _UNCLOSED[text[position]])
    if "COMPARISON" in expected and not text[position - 1].isspace():
        return Invalid(position, _BRACKETS if text[position] == "[" else _NAME_ENDS)
    wanted = (name for token, name in _NAMES.items() if token in expected)
    return Invalid(position, f"expected {next(wanted, 'the end')}")
