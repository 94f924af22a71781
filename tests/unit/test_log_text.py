"""A line for a person: text, without anything that moves the cursor or forges a line."""

import dataclasses
import logging
import re

import pytest

from orchestrator.events import Request
from orchestrator.log import log_event
from orchestrator.log.context import CONTEXT
from tests.unit.events import LOCK
from tests.unit.records import Captured, line, raised, record


def test_for_a_person_a_line_is_text() -> None:
    """Time, state, words and the traceback; on a terminal they look otherwise: test_terminal.py."""
    text = line(record("words", level=logging.ERROR, error=raised(ValueError("wrong"))), "text")
    first, *rest = text.split("\n")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} waiting   words", first)
    assert rest[-1] == "ValueError: wrong"


FORGED = "/a\x1b[2J\r\n12:00:00.000 serving   Stopped.\u2028\u202e\x9b1A\b"


def test_for_a_person_nothing_moves_the_cursor_or_forges_a_line(captured: Captured) -> None:
    """A client chooses the path that it requests, and a terminal obeys escapes, even those of one byte."""
    log_event(Request(method="GET", path=FORGED, status=404, duration_seconds=0.1, client="::1", trace_id=""))
    failure = dataclasses.replace(LOCK, error_message=FORGED, hint=FORGED)
    texts = [line(captured.records.pop(), "text"), line(record(FORGED, error=raised(ValueError(FORGED))), "text")]
    log_event(failure)
    texts.append(line(captured.records.pop(), "text"))
    for text in texts:
        assert not set(text) & set("\x1b\r\u2028\u202e\x9b\b")
        assert "\\x1b[2J" in text
        heads = [each for each in text.split("\n") if re.match(r"\d\d:\d\d:\d\d", each)]
        assert heads == [text.split("\n")[0]]


def test_for_a_person_a_failure_ends_with_its_cure(captured: Captured) -> None:
    """It is what the person needs next."""
    log_event(LOCK)
    first, hint, manual = line(captured.records.pop(), "text").split("\n")
    assert "within 900.0 s" in first
    assert hint.strip() == f"→ {LOCK.hint}"
    assert "docs/runbook.md#" in manual


def test_the_kind_of_line_is_the_settings_unless_the_file_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """ORCHESTRATOR_LOG_FORMAT applies if logging.yaml names no format."""
    monkeypatch.setattr(CONTEXT, "log_format", "text")
    assert not line(record(), "").startswith("{")
    assert line(record(), "json").startswith("{")
    monkeypatch.setattr(CONTEXT, "log_format", "auto")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert not line(record(), "").startswith("{")
