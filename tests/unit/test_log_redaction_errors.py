"""No secret gets into a traceback, and no parameters of a statement."""

import json
import linecache
import logging
import uuid

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import StatementError

from orchestrator.log.lines import Redacted
from orchestrator.log.redaction import REDACTOR
from tests.unit.records import line, parsed, raised, record

WORDS = ["fastapi", "applications", "password", "hUnTeR"]
CODE = """
import sqlalchemy as sa
def connect(password):
    raise ValueError(f"no login with {password}")
sa.Column("password", sa.String), sa.Column("id"); connect(password="hUnTeR"); connect(password=secret)
"""


def test_a_traceback_keeps_its_paths_and_its_code() -> None:
    """With a password like `fastapi` or `alembic`: only the words of the exception are foreign, and literals."""
    file = "site-packages/fastapi/applications.py"
    linecache.cache[file] = (len(CODE), None, CODE.splitlines(keepends=True), file)
    with pytest.raises(ValueError, match="no login") as caught:
        exec(compile(CODE, file, "exec"), {"secret": "s"})  # noqa: S102  # a frame in a file of that name
    REDACTOR.register(WORDS)
    told = parsed(record("failed", error=caught.value))["exception"]
    REDACTOR.forget(WORDS)
    assert f'File "{file}", line 5, in <module>' in told
    assert 'sa.Column("password", sa.String), sa.Column("id")' in told or 'sa.Column("***", sa.String)' in told
    assert "hUnTeR" not in told
    assert "connect(password=secret)" in told
    assert told.endswith("ValueError: no login with ***")


EMAIL = "rose@example.org"


def failing_statement() -> StatementError:
    """A real error of SQLAlchemy, with its parameters."""
    with (
        pytest.raises(StatementError) as caught,
        create_engine("sqlite://", poolclass=NullPool).connect() as connection,
    ):
        connection.execute(text("SELECT * FROM nowhere WHERE email = :email"), {"email": EMAIL})
    connection.engine.dispose()
    return caught.value


def test_a_traceback_shows_no_parameters_of_a_statement() -> None:
    """They are people's data; wherever in the chain or group the error stands."""
    assert EMAIL in str(failing_statement())
    wrapped, followed = RuntimeError("wrapped"), RuntimeError("followed")
    wrapped.__cause__, followed.__context__ = failing_statement(), failing_statement()
    group = ExceptionGroup("several", [ExceptionGroup("inner", [failing_statement()])])
    for error in (failing_statement(), wrapped, followed, group):
        fields = parsed(record("failed", error=raised(error)))
        assert "SELECT * FROM nowhere" in fields["exception"]
        assert EMAIL not in line(record("failed", error=raised(error)))
    # Not only by their form in the text, which a driver or another version may change.
    for each in (wrapped.__cause__, followed.__context__, group.exceptions[0].exceptions[0]):
        assert isinstance(each, StatementError)
        assert each.hide_parameters


@pytest.mark.parametrize("form", ["%s", "%r"])
def test_a_message_shows_no_parameters_of_a_statement(form: str) -> None:
    """`logger.error("failed: %s", error)` is common."""
    error = failing_statement()
    fields = parsed(record(form, error, extra={"cause": error, "text": str(error)}))
    assert "no such table: nowhere" in fields["message"]
    assert "SELECT * FROM nowhere" in fields["text"]
    assert "sqlalche.me" in fields["text"]
    assert EMAIL not in json.dumps(fields)


def test_a_traceback_shows_no_values_of_variables() -> None:
    """Whatever a library for pretty tracebacks would like."""
    local = uuid.uuid4().hex
    assert local not in line(record("failed", error=raised(KeyError(len(local)))))


def test_a_formatter_of_the_project_gets_no_secrets() -> None:
    """It writes the message, the traceback and the stack, each of which may contain them."""
    made = record("mysql://u:hUnTeR@h", error=raised(ValueError("password=hUnTeR")))
    made.stack_info = "Stack (most recent call last):\n  connect(password='hUnTeR')"
    told = Redacted(logging.Formatter()).format(made)
    assert "hUnTeR" not in told
    assert told.count("***") == 3
    assert "Stack (most recent call last):" in told
