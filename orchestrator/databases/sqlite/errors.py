"""The errors of SQLite, and what they mean."""

from orchestrator.databases.diagnosis import (
    BUSY,
    OTHER,
    RIGHTS,
    STORAGE,
    Cause,
    Diagnosis,
    Verdict,
    innermost_message,
    unknown,
)

_NO_FILE = Cause(Verdict.REFUSE, "unknown_database", "The directory of the database file must exist and be writable.")
_NO_DATABASE = Cause(
    Verdict.REFUSE,
    "protocol",
    "The file is not an SQLite database, or it is damaged: name another file, or restore this one.",
)
# Before Python 3.11, SQLite's driver distinguishes errors by text only, and aiosqlite passes on the text.
_CAUSES = {
    "locked": BUSY,
    "busy": BUSY,
    "readonly": RIGHTS,
    "disk is full": STORAGE,
    "unable to open": _NO_FILE,
    "not a database": _NO_DATABASE,
    "malformed": _NO_DATABASE,
}


def diagnose(error: BaseException) -> Diagnosis:
    """Return the diagnosis by the error's text."""
    message = innermost_message(error)
    code = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    for text, cause in _CAUSES.items():
        if text in message:
            return cause.found(code, message)
    if isinstance(error, TimeoutError):
        return BUSY.found(code, "the file did not answer in time")
    return OTHER.found(code, message) if hasattr(error, "orig") else unknown(error)
