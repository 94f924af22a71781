"""The status page, rendered from a snapshot; in a browser: tests/acceptance/test_status_page.py."""

import base64
import hashlib
import re
from typing import Any

import pytest

from orchestrator.serving.status_page import policy, render

START: dict[str, Any] = {
    "state": "migrating",
    "phase": "applying_revision",
    "step": "migration",
    "revisions_done": 1,
    "revisions_to_do": 2,
    "progress_percent": 75,
    "elapsed_seconds": 3700.0,
    "waiting_for": None,
    "waiting_seconds": None,
    "last_error": None,
}


def page(**changes: Any) -> str:
    """Return the page of a start."""
    return render({**START, **changes}, "plants", "1.4").decode()


def test_no_text_of_a_database_becomes_part_of_the_page() -> None:
    """An error message or a user's name may hold anything; the page shows it letter by letter."""
    hostile = '<img src=x onerror=alert(1)>{{title}}&"'
    statement = {"statement_index": 1, "statement_seconds": 1.0, "statement_state": hostile}
    text = page(
        waiting_for="table_lock",
        waiting_seconds=1.0,
        waiting_for_detail=hostile,
        statement=statement,
        revisions=[{"revision": hostile, "state": "running"}],
        last_error={"error_type": hostile, "error_message": hostile, "hint": hostile},
    )
    assert "<img" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;{{title}}&amp;&quot;") == 6
    assert "<img" not in render(START, hostile, hostile).decode()
    assert "a?b" in page(last_error={"error_type": "x", "error_message": "a\ud800b"}), "UTF-8 does not have it"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["Migrating the database…", "plants 1.4", "<dd>1 of 2</dd>", "1 h 1 min", 'value="75"']),
        (
            {"state": "waiting", "step": "database", "progress_percent": None},
            ["Waiting for", '<progress max="100" aria'],
        ),
        ({"state": "failed", "last_error": "half_applied"}, ["The start failed", 'class="failed"', "half applied"]),
        (
            {"waiting_for": "migration_lock", "waiting_seconds": 61.0, "waiting_for_detail": "app@db"},
            ["a migration in another process, for 1 min 1 s (app@db)"],
        ),
        ({"last_error": {"error_type": "x", "error_message": "no", "hint": "Do this."}}, ["x: no", "Do this."]),
    ],
)
def test_it_shows_what_happens_and_what_to_do(changes: dict[str, Any], words: list[str]) -> None:
    """In words that on-call people and visitors understand."""
    text = page(**changes)
    assert [each for each in words if each not in text] == []


def test_what_has_no_value_is_not_shown() -> None:
    """A row of dashes has no information."""
    assert re.findall("<dt>(.*?)</dt>", page(revisions_to_do=0)) == ["Since the start"]
    assert [each for each in ("failed", "stopped", "draining") if "<progress" in page(state=each)] == []


def test_the_step_that_is_reached_is_marked_for_those_who_do_not_see_the_page() -> None:
    """A screen reader says `current step`, and what each mark means."""
    steps = re.findall(r'<li class="(\w+)"( aria-current="step")?>.*?<span class="spoken">(.*?):</span>', page())
    assert steps == [("done", "", "done"), ("running", ' aria-current="step"', "running"), ("to_do", "", "to do")]


def test_its_policy_allows_its_own_script_and_style_only() -> None:
    """By their hashes: no other script runs, with any text in the page."""
    text, allowed = page(), policy().decode()
    for name in ("script", "style"):
        (content,) = re.findall(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}';" in allowed
    assert "unsafe" not in allowed
    assert allowed.startswith("default-src 'none'; ")
    assert allowed.endswith("connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    assert not re.search(r"\son\w+=|\sstyle=|src=|href=|https?://", text)
