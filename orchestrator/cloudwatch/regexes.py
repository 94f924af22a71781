r"""The regular expressions between percent signs: AWS's documented subset, run by RE2 in linear time.

Source: "Supported regular expressions (regex) syntax" in the CloudWatch Logs user guide. There are no groups, and most
symbols may not occur, not even escaped: `\x28` stands for an opening parenthesis. RE2 differs in two points, which are
translated: it takes `{,5}` as text, and it repeats at most 1,000 times. The guide's own example contains a blank
(`^shutting down`), so the blank is allowed although the guide's list of characters lacks it.
"""

import codecs
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import re2
from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from orchestrator.cloudwatch.invalid import Invalid, begins

_FOREIGN = re.compile(r"[^A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+. ]")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
_LETTERS = "dDsSwWtn"
_MOST_AT_ONCE = 1_000  # RE2's limit for one repetition
_MOST_CHARACTERS = 2_000  # RE2's compile time grows faster than linearly; its search time, at worst, linearly

# An expression can name ASCII characters only. So each other character may be any single byte above ASCII: a dot is
# then one byte instead of seven instructions that decode UTF-8, and half a surrogate pair is a character like any
# other.
_ONE_BYTE_EACH = "orchestrator.one_byte_each"


def _one_byte_each(error: Any) -> tuple[bytes, int]:
    return b"\xff" * (error.end - error.start), error.end


codecs.register_error(_ONE_BYTE_EACH, _one_byte_each)


def compile_regex(text: str) -> Callable[[str], bool]:
    """Return the test whether the expression occurs anywhere in a text.

    Raises:
        Invalid: CloudWatch would reject it, or it is too large.
    """
    search = _compiled(_translated(text)).search
    return lambda value: search(value.encode("latin-1", _ONE_BYTE_EACH)) is not None


def _translated(text: str) -> str:
    if foreign := _FOREIGN.search(text):
        instead = f"; its code may: \\x{ord(foreign[0]):02X}" if foreign[0].isascii() else ""
        raise Invalid(foreign.start(), f"a regular expression may not contain {foreign[0]!a}{instead}")
    if not text:
        raise Invalid(0, "the regular expression is empty")
    try:
        branches: list[list[_Piece]] = _PARSER.parse(text)  # type: ignore[assignment]  # lark knows only trees
    except (UnexpectedCharacters, UnexpectedToken) as error:
        raise Invalid(begins(error), _REASONS[text[begins(error)]]) from None
    if sum(piece.size for branch in branches for piece in branch) > _MOST_CHARACTERS:
        raise Invalid(0, _TOO_LARGE)
    return "|".join("".join(piece.text for piece in branch) for branch in branches)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True  # the guide: any single character
    options.encoding = re2.Options.Encoding.LATIN1
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        reason = error.args[0]
        raise Invalid(0, reason.decode() if isinstance(reason, bytes) else str(reason)) from None


_TOO_LARGE = f"the repetitions add up to more than {_MOST_CHARACTERS:,} characters, too large a regular expression"
_REASONS = {
    **dict.fromkeys("*+?", "nothing stands before this to be repeated; as a character it is written with a \\"),
    "{": "{ begins a repetition: {2}, {2,}, {,5} or {2,5} behind a character; as a character it is written \\{",
    "[": "no ] closes this [",
    "\\": "a \\ needs a character behind it, and \\x two hexadecimal digits",
}


class _Piece(NamedTuple):
    """A part of the expression.

    Attributes:
        text: In RE2's syntax.
        size: How many characters it matches at most, or the number of its repetitions.
    """

    text: str
    size: int


@v_args(inline=True)
class _Translation(Transformer[Token, list[list[_Piece]]]):
    """Translates to RE2's syntax."""

    def start(self, *branches: list[_Piece]) -> list[list[_Piece]]:
        return list(branches)

    def branch(self, *pieces: _Piece) -> list[_Piece]:
        return list(pieces)

    def anchor(self, anchor: Token) -> _Piece:
        return _Piece(str(anchor), 0)

    def piece(self, atom: Token, repeat: Token | None = None) -> _Piece:
        text = str(atom)
        if atom.type != "CHARACTER":
            _check(atom)
        elif text in "]}":
            text = "\\" + text
        return _repeated(text, repeat) if repeat else _Piece(text, 1)


def _check(atom: Token) -> None:
    """Check an escape or a class: RE2 knows more escapes than AWS documents, and reports errors in a class."""
    for escape in _ESCAPE.finditer(atom):
        if escape[1].isalnum() and escape[1] not in _LETTERS and not re.fullmatch("x[0-7].", escape[1]):
            known = "\\d \\D \\s \\S \\w \\W \\t \\n and \\x00 to \\x7F"
            raise Invalid(begins(atom) + escape.start(), f"{escape[0]} is none of the escapes {known}")
    try:
        _compiled(atom)
    except Invalid as error:
        raise Invalid(begins(atom), error.reason) from None


def _repeated(atom: str, repeat: Token) -> _Piece:
    if repeat[0] != "{":
        return _Piece(atom + repeat, 1)
    least, comma, most = repeat.rstrip("?").strip("{}").partition(",")
    low, high = int(least or 0), int(most if most.strip() else least or 0)
    if high < low:
        raise Invalid(begins(repeat), f"{repeat} repeats at least {low} times and at most {high} times")
    if high > _MOST_CHARACTERS:
        raise Invalid(begins(repeat), _TOO_LARGE)
    endless = atom + "*" if comma and not most.strip() else ""
    return _Piece(_times(atom, low) + _times(atom, high - low, "0,") + endless, high + bool(endless))


def _times(atom: str, number: int, least: str = "") -> str:
    """Return the atom repeated, in portions that RE2 accepts."""
    whole, rest = divmod(number, _MOST_AT_ONCE)
    return f"{atom}{{{least}{_MOST_AT_ONCE}}}" * whole + f"{atom}{{{least}{rest}}}"


_PARSER = Lark.open("regex.lark", rel_to=__file__, parser="lalr", transformer=_Translation(), maybe_placeholders=False)
