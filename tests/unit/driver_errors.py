"""Errors as the drivers raise them, and what becomes of them."""

import asyncmy.errors
from sqlalchemy.exc import DBAPIError, OperationalError

from orchestrator.databases import backend_for
from orchestrator.databases.diagnosis import Diagnosis


def wrapped(error: BaseException, kind: type[DBAPIError] = OperationalError) -> DBAPIError:
    """The error as SQLAlchemy raises it, with SQL and parameters."""
    found = kind("SELECT secret FROM users WHERE id = ?", {"id": "hunter2"}, error)
    found.__cause__ = error
    return found


def caused(error: Exception, cause: BaseException) -> Exception:
    """The error, raised from its cause."""
    error.__cause__ = cause
    return error


def mysql(code: int, message: str = "words", cause: BaseException | None = None) -> Exception:
    """An error of asyncmy."""
    error: Exception = asyncmy.errors.OperationalError(code, message)
    return caused(error, cause) if cause else error


def found(backend: str, error: BaseException) -> Diagnosis:
    """The diagnosis, which must be fit for an event."""
    diagnosis = backend_for(backend).diagnose(error)
    assert diagnosis.error_type.replace("_", "").isalpha()
    assert "\n" not in diagnosis.error_message
    assert 0 < len(diagnosis.error_message) <= 600
    assert "hunter2" not in repr(diagnosis)
    return diagnosis


def mariadb_connector(code: int, message: str = "words") -> Exception:
    """An error of MariaDB Connector/Python, which needs a C library: its only argument is the message."""
    error = Exception(message)
    error.errno = code  # type: ignore[attr-defined]
    return error
