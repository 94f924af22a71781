"""A start from first to last, as the port shows it after each event."""

from typing import Any

from orchestrator.serving.startup_status import StartupStatus
from tests.unit.events import example

STORY: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("process_started", {}, {"phase": "waiting_for_database", "step": "database", "waiting_for": "database"}),
    ("database_retry_scheduled", {"error_type": "refused"}, {"waiting_for": "database", "last_error": "refused"}),
    (
        "dependency_retry_scheduled",
        {"dependency": "redis"},
        {"waiting_for": "service", "waiting_for_detail": "<redis>"},
    ),
    ("dependency_ready", {}, {"waiting_for": None, "last_error": "refused"}),
    ("database_ready", {}, {"phase": "database_ready", "last_error": None}),
    ("state_changed", {"state": "migrating"}, {"state": "migrating", "phase": "migrating"}),
    ("lock_waiting", {"holder": "app"}, {"phase": "waiting_for_lock", "waiting_for_detail": "<app>"}),
    ("lock_acquired", {}, {"waiting_for": None}),
    ("hook_started", {}, {"phase": "running_hook"}),
    ("hook_completed", {}, {"phase": "migrating", "step": "database"}),
    ("migrations_planned", {"pending_count": 2, "pending": ["a1", "b2"]}, {"step": "migration", "revisions_to_do": 2}),
    (
        "revision_started",
        {"revision": "a1", "pending_count": 3},
        {"phase": "applying_revision", "revision": "a1", "revisions_to_do": 3},
    ),
    ("revision_retry_scheduled", {"blocked_by": "bob"}, {"waiting_for": "table_lock", "waiting_for_detail": "<bob>"}),
    ("revision_progress", {"blocked_by": ""}, {"waiting_for": None}),
    ("revision_applied", {"index": 2}, {"revisions_done": 2, "statement": None}),
    (
        "migrations_completed",
        {},
        {"phase": "starting_app", "step": "app", "revision": None, "revisions_done": 3, "revisions_to_do": 0},
    ),
    ("hook_started", {}, {"phase": "running_hook"}),
    ("hook_completed", {}, {"phase": "starting_app"}),
    ("state_changed", {"state": "serving"}, {"state": "serving", "phase": "serving", "last_error": None}),
    ("app_failed", {"error_type": "app_failed"}, {"last_error": "app_failed"}),
]


def test_each_event_shows_where_the_start_is() -> None:
    """Probes, the status page and the last event of a failed start read it: each step must be seen."""
    status = StartupStatus("full", lambda: 1.0, lambda value: f"<{value}>")
    for name, fields, expected in STORY:
        status.observe(example(name, **fields))
        told = status.snapshot()
        told["last_error"] = told["last_error"] and told["last_error"]["error_type"].strip("<>")
        assert {key: told[key] for key in expected} == expected, name


def test_a_wait_for_something_else_has_its_own_time() -> None:
    """An hour of waiting for the database is no hour of waiting for the lock."""
    now = [0.0]
    status = StartupStatus("public", lambda: now[0], lambda value: value)
    for now[0], name in ((0.0, "process_started"), (5.0, "lock_waiting"), (12.0, "lock_waiting")):
        status.observe(example(name))
    assert status.snapshot()["waiting_seconds"] == 7.0
