"""When two names are the same name."""

from unicodedata import category, normalize

NAME_LENGTH = 80
KEY_LENGTH = 3 * NAME_LENGTH  # folding the case of a character gives three characters at most
TAG_LENGTH = 40

_VISIBLE = ("L", "N", "P", "S")  # letters, numbers, punctuation, symbols
_UNSTORABLE = ("Cc", "Cs")  # control characters and halves of surrogate pairs


def tidy(name: str) -> str:
    """Put a name on one line, composed, with single spaces; refuse an unreadable one."""
    tidied = normalize("NFC", " ".join(name.split()))
    if not any(category(character).startswith(_VISIBLE) for character in tidied):
        raise ValueError("must not be blank")
    return storable(tidied)


def storable(text: str) -> str:
    """Refuse the characters that some database cannot keep; lines and tabs are fine."""
    if any(category(character) in _UNSTORABLE for character in text if character not in "\r\n\t"):
        raise ValueError("must not contain control characters")
    return text


def key(name: str) -> str:
    """Return a key that is equal for names that differ only in case, in any script.

    The databases differ here (SQLite folds ASCII only, MySQL accents too). So the key is made here, stored in a
    separate column, compared byte by byte, and used for uniqueness and search.
    """
    return normalize("NFC", tidy(name).casefold())
