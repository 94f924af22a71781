"""A secret as SQL, JSON, Python, bytes and URLs spell it, also one inside another.

A text may be escaped several times, each time in another way: the `repr` of a statement inside JSON. So the pattern
allows each spelling of each character, instead of listing the spellings of the whole secret.
"""

import re

from orchestrator.patterns import pattern

_LETTERS = dict(zip("\a\b\t\n\v\f\r\0\x1a", "abtnvfr0Z", strict=True))  # of Python, JSON and MySQL
_DOUBLED = "'\"%"  # by SQL, ConfigParser and drivers
_PARTS = pattern(rf"(\\*)([A-Za-z0-9]+|([{_DOUBLED}])\3*|[^\\]|\Z)", re.DOTALL)
_PERCENT = "%(?:%|25)?"
_BACKSLASH = rf"(?:\\|{_PERCENT}5[cC])"
_LONGEST = 4096  # characters that are spelled: no password is longer, and a pattern of 100,000 took 15 s to compile
_TIMES = 4  # one becomes so many at two levels of escaping


def pattern_of(secret: str) -> str:
    """Return a pattern that matches the secret in all spellings, in linear time; a very long one only as it is."""
    if len(secret) > _LONGEST:
        return re.escape(secret)
    every = {secret.replace("%", percent) for percent in ("%", "%25", "%2525")}  # the latter in URLs
    return "|".join("".join(map(_part, _PARTS.finditer(each))) for each in sorted(every, reverse=True))


def _part(found: "re.Match[str]") -> str:
    """Return the pattern of a word or of a run of another character, and of the backslashes before it."""
    backslashes, text = len(found[1]), found[2]
    before = _several(_BACKSLASH, backslashes) + "+" if backslashes else ""
    if not text or (text.isascii() and text.isalnum()):
        return before + text
    spellings = "%" if text[0] == "%" else _spellings(text[0])
    return before + (_several(spellings, len(text)) if text[0] in _DOUBLED else spellings)


def _several(pattern_of_one: str, number: int) -> str:
    return rf"(?:{pattern_of_one}){{{number},{number * _TIMES}}}"


def _spellings(character: str) -> str:
    """Return a pattern of a character that may be escaped."""
    utf8 = character.encode(errors="surrogatepass")
    spellings = [re.escape(character), "".join(f"{_PERCENT}{byte:02x}" for byte in utf8)]
    if character == " ":
        spellings += [r"\+", f"{_PERCENT}2b"]
    if character.isascii() and character.isprintable() and character not in _DOUBLED:
        return rf"(?i:{'|'.join(spellings)})"
    escapes = rf"(?:(?<=\\)|(?<=5c))(?:{'|'.join(_escapes(character, utf8))})"
    return rf"{_BACKSLASH}{{0,{_TIMES}}}+(?i:{'|'.join(spellings)}|{escapes})"


def _escapes(character: str, utf8: bytes) -> list[str]:
    """Return what follows the backslash in Python, bytes, JSON and MySQL."""
    utf16, between = character.encode("utf-16-be", "surrogatepass"), _several(_BACKSLASH, 1) + "+"
    return [
        between.join(f"x{byte:02x}" for byte in utf8),
        between.join(f"u{utf16[at : at + 2].hex()}" for at in range(0, len(utf16), 2)),
        f"x{ord(character):02x}",
        f"U{ord(character):08x}",
        *_LETTERS.get(character, ""),
    ]
