"""Our sentences: one and many, nothing about what is not known, and no secret that is one of our words."""

import json

import pytest

from orchestrator.errors import AppFailed, BindFailed, MigrationFailed, SettingsInvalid
from orchestrator.events import LockWaiting, MigrationsPlanned, ServerDrained
from orchestrator.log.redaction import Redactor
from orchestrator.sentences import Ours, Words, joined, said


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 revisions are"), (1, "1 revision is"), (2, "2 revisions are"), (1234, "1,234 revisions are")],
)
def test_a_count_agrees_with_its_noun(count: int, told: str) -> None:
    """`1 revisions` looks careless."""
    assert said("{count:revision} {count:is/are}", {"count": count}) == told


def test_an_unknown_value_is_not_mentioned() -> None:
    """`Its holder is .` and `(revision: ; statement 0)` make a reader look for what is missing."""
    lock = {"lock_name": "l", "holder_seconds": 0.0, "holder_progressing": False, "waited_seconds": 1.0}
    assert LockWaiting(**lock, holder="", holder_statement="").message.endswith("for 1.0 s")  # type: ignore[arg-type]
    assert "Its holder is me, which runs: X" in LockWaiting(**lock, holder="me", holder_statement="X").message  # type: ignore[arg-type]
    failed = MigrationFailed(
        error_type="x", error_message="why", revision="", statement_index=0, statement="", statements_done=0
    )
    assert failed.message == "The migration failed: why"
    assert ServerDrained(duration_seconds=0.2, requests_cancelled=0).message == "Finished the open requests in 0.2 s."
    planned = MigrationsPlanned(current_revision="base", head_revision="a1", pending_count=1, pending=["a1"])
    assert planned.message == "1 revision is pending: the database is at base, this image at a1."


def test_values_may_hold_what_means_something_in_a_template() -> None:
    """Braces, brackets and percent signs come from SQL, paths and exceptions."""
    odd = "{a} [b] %s {0:x} [{c}]"
    assert said("[told: {odd}]", {"odd": odd}) == f"told: {odd}"
    assert Words("told: {odd}", odd=odd).cleaned(str) == f"told: {odd}"


def clean(secret: str, value: object) -> object:
    """The value as a line has it, when this secret is known."""
    redactor = Redactor()
    redactor.register([secret])
    return redactor.value(value)


@pytest.mark.parametrize("secret", ["a", "postgres", "the", "app", "PORT", "number", "imported"])
def test_our_own_words_are_not_masked_because_they_are_a_password(secret: str) -> None:
    """Examples, names of variables and sentences stay readable; only what came from outside is masked."""
    fault: dict[str, str] = {
        "variable": Ours("PORT"),
        "problem": Ours("it must be a whole number"),
        "example": Ours("postgresql://a:b@c"),
    }
    message = joined("; ", ["PORT: it must be the number", Words("not {value}", value=f"'{secret}'")])
    invalid = SettingsInvalid(
        error_type="settings",
        error_message=joined(": ", [Ours("PORT"), message]),
        fault_count=1,
        variables=["PORT"],
        faults=[fault],
    )
    fields = invalid.fields(lambda value: clean(secret, value))
    assert fields["faults"] == [fault]
    assert json.dumps(fields["error_message"]).endswith("not '***'\"")
    assert fields["error_message"].startswith("PORT: ")


def test_the_cause_of_a_failure_is_foreign_and_its_frame_is_ours() -> None:
    """A password in the message of the app's own exception is masked."""
    message = Words("{what}: {cause}", what=Ours("it cannot be imported"), cause="cannot log in with imported")
    failed = AppFailed(error_type="app_failed", error_message=message, app="app.main:app")
    fields = failed.fields(lambda value: clean("imported", value))
    assert fields["error_message"] == "it cannot be imported: cannot log in with ***"
    assert failed.error_message == "it cannot be imported: cannot log in with imported"
    plain = BindFailed(error_type="x", error_message="imported", host="h", port=1)
    assert plain.fields(lambda value: clean("imported", value))["error_message"] == "***"
