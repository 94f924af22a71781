"""What holds of everything that a process writes, and of every start that fails."""

import json
import re

from tests.harness import Event, Output, Result

LIMIT_BYTES = 16_000
COMMON = {
    "timestamp": str,
    "level": str,
    "event": str,
    "message": str,
    "state": str,
    "outcome": str,
    "service": str,
    "version": str,
    "logger": str,
    "schema": int,
    "boot_id": str,
    "elapsed_seconds": float,
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def assert_well_formed(output: Output) -> None:
    """Every line is one JSON object of a size that no log driver cuts, and has all the common fields."""
    assert output.noise == [], output.story()
    assert output.lines
    for line in output.lines:
        event = json.loads(line)
        assert len(line.encode()) <= LIMIT_BYTES, line
        assert {name: type(event.get(name)) for name in COMMON} == COMMON, line
        assert _MOMENT.fullmatch(event["timestamp"]), line
        assert event["outcome"] in {"success", "failure", "unknown"}, line


def failure(result: Result, event: str, exit_code: int) -> Event:
    """Return the event that explains why a start failed, after a look at all that every failed start has in common."""
    assert_well_formed(result)
    assert result.exit_code == exit_code, result.story()
    assert result.stderr == "", result.story()
    (failed,) = result.find(event)
    last = result.events[-1]
    for name in ("error_type", "error_code", "hint"):
        assert last[name] == failed[name], result.story()
    assert (last["event"], last["exit_code"], last["state"]) == ("startup_failed", exit_code, "failed"), result.story()
    assert last["failed_state"] == failed["state"], result.story()
    assert last["message"].endswith(failed["message"]), result.story()
    assert failed["hint"], result.story()
    assert failed["error_message"], result.story()
    assert {failed["level"], last["level"]} == {"critical"}
    assert {failed["outcome"], last["outcome"]} == {"failure"}
    return failed
