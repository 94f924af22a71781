"""CloudWatch's JSON filter patterns: `{ $.event = "migration_failed" && $.attempt > 3 }`.

    pattern = Pattern.compile('{ $.event = "migration_failed" }')
    pattern.matches({"event": "migration_failed"})
    pattern.matches_line(b'{"event": "migration_failed"}')

docs/filter.md describes the language, its sources, and what AWS leaves open. CloudWatch's other pattern languages
(words, and `[space, delimited]`) are not for JSON and are refused.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from orchestrator.cloudwatch.comparisons import compile_test
from orchestrator.cloudwatch.invalid import Invalid
from orchestrator.cloudwatch.json_lines import Inexact, parse, parse_exactly, trusted
from orchestrator.cloudwatch.selectors import ABSENT, Test, any_value, root_field, wildcards
from orchestrator.cloudwatch.syntax import Condition, Expression, conditions, parse_pattern

MOST_CHARACTERS = 1024
MOST_REGEXES = 2
MOST_WILDCARDS = 3
_MARGIN = 24  # characters of the pattern that an error shows before and after the place


class PatternError(ValueError):
    """A pattern that CloudWatch would reject, or a pattern in another of its languages.

    Attributes:
        position: The place of the error: characters from the start, from 0.
        reason: The problem or the cure.
    """

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__(f"at character {position + 1}: {reason}: {_excerpt(text, position)}")
        self.position = position
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern.

    Attributes:
        text: As written.
        regexes: How many regular expressions it has; a log group may have five filters with any.
        selectors: As written, in their order, without duplicates.
        fields: The event's top-level fields that it reads. A selector that begins with `$.*` adds none.
    """

    text: str
    regexes: int
    selectors: tuple[str, ...]
    fields: frozenset[str]
    _holds: Test = field(repr=False, compare=False)

    @classmethod
    def compile(cls, text: str) -> Self:
        """Compile a pattern.

        Raises:
            PatternError: CloudWatch would reject it, or it is not a JSON pattern.
        """
        try:
            _check_frame(text)
            expression = parse_pattern(text)
            found = list(conditions(expression))
            _check_limits(found)
            selectors = tuple(dict.fromkeys(each.selector for each in found))
            fields = frozenset(filter(None, map(root_field, selectors)))
            return cls(text, len(_regexes(found)), selectors, fields, _compiled(expression))
        except Invalid as error:
            raise PatternError(text, error.position, error.reason) from None

    def matches(self, event: object) -> bool:
        """Return whether an event matches, as parsed by `json.loads` or orjson. Only an object can match."""
        if not isinstance(event, dict):
            return False
        try:
            return self._holds(event)
        except Inexact:
            return self._holds(trusted(event))

    def matches_line(self, line: bytes) -> bool:
        """Return whether a line matches. Only a complete JSON object can match."""
        try:
            return self._holds_for(parse(line))
        except Inexact:
            return self._holds_for(parse_exactly(line))

    def _holds_for(self, event: dict[str, Any] | None) -> bool:
        return event is not None and self._holds(event)


def _compiled(expression: Expression) -> Test:
    if isinstance(expression, Condition):
        return _condition(expression)
    parts = [_compiled(part) for part in expression.parts]
    if expression.operator == "&&":
        return lambda event: all(part(event) for part in parts)
    return lambda event: any(part(event) for part in parts)


def _condition(condition: Condition) -> Test:
    if condition.operator == "NOT EXISTS":
        exists = any_value(condition.selector, lambda value: value is not ABSENT)
        return lambda event: not exists(event)
    return any_value(condition.selector, compile_test(condition))


def _check_frame(text: str) -> None:
    """Check the first and last character: CloudWatch recognises the language by the first one, blanks included."""
    if len(text) > MOST_CHARACTERS:
        raise Invalid(MOST_CHARACTERS, f"a pattern has at most {MOST_CHARACTERS:,} characters, this one {len(text):,}")
    if not text.startswith("{"):
        other = "this is a space-delimited pattern" if text.startswith("[") else "without it, it is a pattern of words"
        raise Invalid(0, f"a JSON pattern begins with {{, nothing before it; {other}")
    if not text.endswith("}"):
        raise Invalid(text.rfind("}") + 1 or len(text), "a pattern that begins with { ends with }, nothing behind it")


def _check_limits(found: list[Condition]) -> None:
    regexes = _regexes(found)
    if len(regexes) > MOST_REGEXES:
        raise Invalid(regexes[MOST_REGEXES], f"a pattern has at most {MOST_REGEXES} regular expressions")
    places: list[int] = []
    for each in found:
        here = [each.position + offset for offset in wildcards(each.selector)]
        if len(here) > 1:
            raise Invalid(here[1], "a selector has at most one wildcard")
        places += here
    if len(places) > MOST_WILDCARDS:
        raise Invalid(places[MOST_WILDCARDS], f"a pattern has at most {MOST_WILDCARDS} wildcards in its selectors")


def _regexes(found: list[Condition]) -> list[int]:
    """Return the positions of the regular expressions."""
    return [each.operand.position for each in found if each.operand and each.operand.kind == "REGEX"]


def _excerpt(text: str, position: int) -> str:
    """Return the pattern around the place in one line, with an arrow at the place."""
    start, end = max(0, position - _MARGIN), position + _MARGIN
    around = f"{'...' * bool(start)}{text[start:position]}-->{text[position:end]}{'...' * (end < len(text))}"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in around)
