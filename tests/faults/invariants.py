"""The conditions that hold after every start, successful or not, and for the database after the migration."""

from collections import Counter

from orchestrator.errors import Failure
from orchestrator.events import CATALOGUE
from tests.acceptance.outcome import assert_well_formed
from tests.harness import Event, Orchestrator, Output

RESUMABLE = {4, 6, 7, 8, 12}
"""How a start may end that a fault has struck: what stood in its way may be gone at the next."""


def check_start(process: Output, exit_code: int) -> None:
    """Check that every line is an event, that the last one shows how it ended, and that the explaining event agrees.

    Raises:
        AssertionError: A condition does not hold.
    """
    if exit_code < 0 and not process.lines:
        return  # it was killed before its first line
    assert_well_formed(process)
    assert process.stderr == "", process.stderr
    if exit_code < 0:
        return
    last = process.events[-1]
    assert last["exit_code"] == exit_code, f"exit code {exit_code}, but {last}"
    if exit_code == 0:
        assert last["event"] == "process_stopped", last
        return
    assert last["event"] == "startup_failed", last
    assert exit_code != 1, last["message"]
    reasons = [_exits_with(event) for event in process.events if event["event"] != "startup_failed"]
    assert [code for code in reasons if code is not None] == [exit_code], f"exit code {exit_code}, but {reasons}"
    assert exit_code in RESUMABLE, f"exit code {exit_code} for what passes by itself: {last['error_message']}"


def check_reports(processes: list[Orchestrator], revisions: list[str]) -> None:
    """Check that no revision is reported as applied twice: the first report would have been false.

    Raises:
        AssertionError: One is.
    """
    told = Counter(event["revision"] for process in processes for event in process.find("revision_applied"))
    twice = [revision for revision, times in told.items() if times > 1]
    assert not twice, f"revision_applied more than once: {twice}"
    assert set(told) <= set(revisions), told


def refuses(process: Output) -> bool:
    """Return whether it refused to continue an interrupted revision."""
    return bool(process.find("migration_half_applied", error_type="not_resumable"))


def failed_in_a_revision(process: Output) -> bool:
    """Return whether it reported that a revision failed and left nothing behind."""
    return any(event["revision"] for event in process.find("migration_failed"))


def _exits_with(event: Event) -> int | None:
    """Return the exit code that belongs to a failure; nothing for other events."""
    kind = CATALOGUE.get(event["event"])
    return kind.exits_with if kind and issubclass(kind, Failure) else None
