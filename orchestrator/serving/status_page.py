"""The status page: what a person with a browser sees until the app serves. It shows what `/startupz` shows.

The server renders it, so it works without a script, by loading itself again. With scripts, the page asks for itself
every two seconds and replaces what has changed, until the app answers in its place.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

_STEPS = {"database": "Connect to the database", "migration": "Migrate the database", "app": "Start the app"}
_HEADLINES = {
    "waiting": "Waiting for the database…",
    "migrating": "Migrating the database…",
    "draining": "Stopping…",
    "stopped": "Stopped",
    "failed": "The start failed",
}
_WAITS = {
    "database": "the database",
    "service": "another service",
    "migration_lock": "a migration in another process",
    "table_lock": "a table that another connection has locked",
}
_MARKS = {"done": "✓", "running": "▸", "to_do": "·", "failed": "✗"}
_SPOKEN = {"done": "done", "running": "running", "to_do": "to do", "failed": "failed"}


def render(start: Mapping[str, Any], service: str, version: str) -> bytes:
    """Return the page for a snapshot of the status. All texts are escaped."""
    headline = _HEADLINES.get(start["state"], "Starting…")
    parts = {
        "title": escape(f"{headline} {service}"),
        "service": escape(f"{service} {version}".strip()),
        "headline": escape(headline),
        "steps": "".join(_steps(start)),
        "progress": _progress(start),
        "rows": "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in _rows(start) if text),
        "revisions": "".join(_revisions(start)),
    }
    return re.sub(r"{{(\w+)}}", lambda match: parts[match[1]], _template()).encode(errors="replace")


def _steps(start: Mapping[str, Any]) -> Iterator[str]:
    names = list(_STEPS)
    now = names.index(start["step"])
    for index, name in enumerate(names):
        state = "done" if index < now else "running" if index == now else "to_do"
        if index == now and start["state"] == "failed":
            state = "failed"
        current = ' aria-current="step"' if index == now else ""
        yield f'<li class="{state}"{current}>{_mark(state)} {_STEPS[name]}</li>'


def _mark(state: str) -> str:
    return f'<span aria-hidden="true">{_MARKS[state]}</span><span class="spoken">{_SPOKEN[state]}:</span>'


def _progress(start: Mapping[str, Any]) -> str:
    """Return the bar; it moves by itself while the remaining time is unknown."""
    if start["state"] in {"failed", "stopped", "draining"}:
        return ""
    percent = start["progress_percent"] if start["step"] == "migration" else None
    value = "" if percent is None else f' value="{int(percent)}"'
    return f'<progress max="100"{value} aria-label="Progress of the migration"></progress>'


def _rows(start: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    statement, error = start.get("statement"), start["last_error"]
    yield "Waiting for", _waiting(start)
    yield "Revisions", f"{start['revisions_done']} of {start['revisions_to_do']}" if start["revisions_to_do"] else ""
    yield "Running", _statement(statement) if statement else ""
    yield "Since the start", _duration(start["elapsed_seconds"])
    if isinstance(error, str):
        yield "Last error", error.replace("_", " ")
    elif error:
        yield "Last error", f"{error['error_type'].replace('_', ' ')}: {error['error_message']}"
        yield "What to do", error.get("hint", "")


def _waiting(start: Mapping[str, Any]) -> str:
    if not start["waiting_for"]:
        return ""
    detail = start.get("waiting_for_detail")
    told = f"{_WAITS[start['waiting_for']]}, for {_duration(start['waiting_seconds'])}"
    return f"{told} ({detail})" if detail else told


def _statement(statement: Mapping[str, Any]) -> str:
    told = f"statement {statement['statement_index']}, for {_duration(statement['statement_seconds'])}"
    return f"{told}: {statement['statement_state']}" if statement["statement_state"] else told


def _revisions(start: Mapping[str, Any]) -> Iterator[str]:
    for each in start.get("revisions") or ():
        yield f'<li class="{each["state"]}">{_mark(each["state"])} {escape(each["revision"])}</li>'


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


@cache
def _template() -> str:
    return (Path(__file__).parent / "status_page.html").read_text(encoding="utf-8")


@cache
def policy() -> bytes:
    """Return the Content-Security-Policy: the page's own script and style, by their SHA-256, and its own address."""
    hashes = {
        name: base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        for name in ("script", "style")
        for found in re.findall(rf"<{name}>(.*?)</{name}>", _template(), re.DOTALL)
    }
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ).encode()
