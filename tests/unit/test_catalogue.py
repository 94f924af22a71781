"""Names, levels and fields of events, and exit codes: public interface, pinned as the contract has them."""

import dataclasses
import logging
from typing import get_type_hints

import pytest

from orchestrator import errors
from orchestrator.errors import Failure, StartupError, StartupFailed
from orchestrator.events import CATALOGUE
from tests.unit.events import VALUES, example

FAILURE = "error_type error_code error_message hint"
BLOCKER = "blocked_by blocked_by_state blocked_by_statement blocked_seconds"
STATEMENT = "context revision statement_index statement"
REVISION = f"{STATEMENT} statements_done"
CONTRACT = {
    "process_started": ("info", "python_version pid command"),
    "state_changed": ("info", "previous_state state"),
    "stop_requested": ("info", "signal"),
    "process_stopped": ("info", "uptime_seconds exit_code"),
    "database_embedded": ("warning", "database"),
    "database_retry_scheduled": (
        "warning",
        "attempt retry_in_seconds waited_seconds error_type error_code error_message",
    ),
    "app_database_ready": ("info", "attempts waited_seconds server"),
    "app_database_unknown": ("warning", ""),
    "database_ready": ("info", "attempts waited_seconds dialect server_version"),
    "dependency_retry_scheduled": (
        "warning",
        "dependency attempt retry_in_seconds waited_seconds error_type error_code error_message",
    ),
    "dependency_ready": ("info", "dependency waited_seconds"),
    "hook_started": ("info", "hook command"),
    "hook_progress": ("info", "hook hook_seconds"),
    "hook_completed": ("info", "hook command duration_seconds"),
    "migrations_current": ("info", "context current_revision head_revision"),
    "checksum_changed": ("warning", "context revision checksum_applied checksum_now applied_by changed_count"),
    "migrations_planned": ("info", "context current_revision head_revision pending_count pending"),
    "lock_waiting": (
        "info",
        "context lock_name holder holder_statement holder_seconds holder_progressing waited_seconds",
    ),
    "lock_acquired": ("info", "context lock_name waited_seconds"),
    "lock_released": ("info", "context lock_name held_seconds"),
    "revision_started": ("info", "context revision description index pending_count"),
    "migration_interrupted": (
        "warning",
        "context revision statement_index statement statements_done interruptions error_type error_code error_message",
    ),
    "revision_retry_scheduled": ("warning", f"context revision statement_index attempt retry_in_seconds {BLOCKER}"),
    "revision_resumed": ("warning", "context revision statements_skipped interrupted_at interrupted_by"),
    "revision_progress": (
        "info",
        f"{STATEMENT} statement_seconds statement_state progress_percent rows {BLOCKER}",
    ),
    "revision_applied": ("info", "context revision description index pending_count statements duration_seconds"),
    "migrations_completed": ("info", "context applied_count current_revision duration_seconds"),
    "app_import_held": ("info", "app"),
    "app_loaded": ("info", "app duration_seconds"),
    "server_started": ("info", "host port startup_seconds"),
    "command_started": ("info", "command"),
    "request": ("info", "method path status duration_seconds client trace_id"),
    "server_drained": ("info", "duration_seconds requests_cancelled"),
    "settings_invalid": ("critical", f"{FAILURE} fault_count variables faults"),
    "app_failed": ("critical", f"{FAILURE} app"),
    "database_unreachable": ("critical", f"{FAILURE} attempts waited_seconds"),
    "database_refused": ("critical", f"{FAILURE} attempts waited_seconds"),
    "lock_timeout": (
        "critical",
        f"{FAILURE} context lock_name holder holder_statement holder_seconds holder_progressing waited_seconds",
    ),
    "migration_failed": ("critical", f"{FAILURE} {REVISION}"),
    "migration_half_applied": ("critical", f"{FAILURE} {REVISION} applied pending_statement left"),
    "migration_stopped": ("critical", f"{FAILURE} {REVISION}"),
    "migration_tree_invalid": ("critical", FAILURE),
    "database_ahead": ("critical", f"{FAILURE} context current_revision head_revision lineage"),
    "bind_failed": ("critical", f"{FAILURE} host port"),
    "hook_failed": ("critical", f"{FAILURE} hook command hook_exit_code output revisions_applied"),
    "dependency_unreachable": ("critical", f"{FAILURE} dependency attempts waited_seconds"),
    "startup_failed": ("critical", f"{FAILURE} exit_code failed_phase failed_state failure_event"),
}
EXIT_CODES = {
    "startup_failed": 1,
    "app_failed": 3,
    "database_unreachable": 4,
    "database_refused": 5,
    "lock_timeout": 6,
    "migration_failed": 7,
    "migration_half_applied": 8,
    "migration_tree_invalid": 9,
    "database_ahead": 10,
    "bind_failed": 11,
    "migration_stopped": 12,
    "hook_failed": 13,
    "dependency_unreachable": 14,
    "settings_invalid": 78,
}
FAILURES = [name for name, kind in CATALOGUE.items() if issubclass(kind, Failure)]


def test_the_catalogue_is_the_contract() -> None:
    """An alarm filters on each of these names and fields."""
    told = {
        name: (logging.getLevelName(kind.level).lower(), set(example(name).fields()))
        for name, kind in CATALOGUE.items()
    }
    assert told == {name: (level, set(fields.split())) for name, (level, fields) in CONTRACT.items()}


def test_a_database_ahead_is_reported_on_two_levels_with_the_same_fields() -> None:
    """One filter finds both, and only the one that ends the start is an alarm."""
    (tolerated,) = CATALOGUE["database_ahead"].__subclasses__()
    assert (tolerated.name, tolerated.level, tolerated.outcome) == ("database_ahead", logging.WARNING, "unknown")
    assert dataclasses.fields(tolerated) == dataclasses.fields(CATALOGUE["database_ahead"])
    assert tolerated not in CATALOGUE.values()


def test_the_exit_codes_are_the_contract() -> None:
    """A restart policy and a pipeline read them."""
    codes = {kind.name: kind.exits_with for kind in CATALOGUE.values() if issubclass(kind, Failure)}
    assert codes == EXIT_CODES
    assert (errors.EXIT_OK, errors.EXIT_USAGE) == (0, 64)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_sentence_can_be_said_with_any_text_in_it(name: str) -> None:
    """A sentence that fails would fail in production first, at the worst moment."""
    message = example(name).message
    for each in dataclasses.fields(CATALOGUE[name]):
        told = f"{{{each.name}}}" in CATALOGUE[name].sentence
        assert not told or str(getattr(example(name), each.name)) in message
    assert "%" not in message.replace(VALUES[str], "")


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_event_and_every_field_is_explained(name: str) -> None:
    """The documentation is made of it; `foreign` decides what is cleaned of secrets."""
    kind = CATALOGUE[name]
    assert kind.__doc__
    for each in dataclasses.fields(kind):
        assert each.metadata["help"], each.name
        assert isinstance(each.metadata["foreign"], bool)


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_names_its_cure(name: str) -> None:
    """A person on call must not have to search for it; a more specific hint replaces it."""
    kind = CATALOGUE[name]
    assert issubclass(kind, Failure)
    types = get_type_hints(kind)
    needed = {each.name: VALUES[types[each.name]] for each in dataclasses.fields(kind) if each.name != "hint"}
    assert len(kind(**needed).hint) > 20
    assert kind(**needed).hint == kind.cure
    assert kind(**needed, hint="Look here.").hint == "Look here."
    assert (kind.outcome, kind.level) == ("failure", logging.CRITICAL)


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_field_takes_the_name_of_a_common_one(name: str) -> None:
    """It would replace it on the line; `state` is the one that is meant to."""
    common = {"timestamp", "level", "event", "message", "outcome", "service", "version", "logger", "schema", "boot_id"}
    common |= {"elapsed_seconds", "exception", "stack", "truncated", "task_id", "cluster", "task_family"}
    assert not common & example(name).fields().keys()
    assert ("state" in example(name).fields()) == (name == "state_changed")


def test_text_from_outside_is_cleaned_and_nothing_else() -> None:
    """The definition of the field decides."""
    fields = example("lock_timeout").fields(clean=lambda value: f"<{value}>")
    cleaned = {name for name, value in fields.items() if str(value).startswith("<")}
    assert cleaned == {"error_message", "holder", "holder_statement"}


def test_the_two_sentences_that_people_look_for_begin_as_ever() -> None:
    """Saved searches and scripts wait for them."""
    assert example("database_ready").message.startswith("Database is ready! ")
    assert example("migrations_completed").message.startswith("Database migrations completed successfully! ")


def test_an_error_says_what_its_failure_says() -> None:
    """In a traceback, in a debugger."""
    failure = example("lock_timeout")
    assert isinstance(failure, Failure)
    assert str(StartupError(failure)) == failure.message
    last = StartupFailed.after(failure, "migrating", clean=lambda value: value)
    assert (last.exit_code, last.failed_state, last.hint) == (6, "migrating", failure.hint)
    assert (last.error_type, last.error_code, last.error_message) == ("{x} %s {0}", "28P01", failure.message)


def test_an_event_cannot_be_changed_once_it_happened() -> None:
    """The port and the log get the event in sequence, and must get the same one."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        example("lock_waiting").holder = "me"
