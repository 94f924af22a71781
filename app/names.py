"""When two names are the same name."""

from unicodedata import category, normalize

NAME_LENGTH = 80
KEY_LENGTH = 3 * NAME_LENGTH  # folding the case of one character yields three at most
TAG_LENGTH = 40

_VISIBLE = ("L", "N", "P", "S")  # letters, numbers, punctuation, symbols
_UNSTORABLE = ("Cc", "Cs")  # control characters and halves of surrogate pairs


def tidy(name: str) -> str:
    """Put a name on one line, composed, with single spaces; refuse what nobody could read."""
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
    """Return what is equal for names that differ in case only, in any script.

    The databases do not agree on it (SQLite folds ASCII only, MySQL accents too), so the key is made
    here, kept in a column of its own, compared byte by byte, and used for uniqueness and search.
    """
    return normalize("NFC", tidy(name).casefold())
