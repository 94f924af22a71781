"""The error for a pattern: what is wrong, and where."""

from lark import Token, UnexpectedCharacters, UnexpectedToken


class Invalid(Exception):  # noqa: N818  # it becomes a PatternError, which knows the whole pattern
    """A part of a pattern is wrong.

    Attributes:
        position: The place, in characters from the start of the text that was read, from 0.
        reason: The problem and the cure.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


def begins(part: Token | UnexpectedCharacters | UnexpectedToken) -> int:
    """Return where in the text a token begins, or the input that lark did not expect."""
    place: int | None = part.start_pos if isinstance(part, Token) else part.pos_in_stream
    return place or 0  # None if the token was not read from a text
