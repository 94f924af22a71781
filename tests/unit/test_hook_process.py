"""The process of a hook: what it finds, and what becomes of its output."""

import gc
import logging
import os
import signal
from pathlib import Path

import pytest

from orchestrator.hooks import process
from orchestrator.hooks.process import HookProcess


def run(script: str) -> tuple[int | None, HookProcess]:
    """Run a script with a shell; return its exit code, and the process that has ended."""
    hook = HookProcess(["sh", "-c", script], os.environ)
    code = hook.wait(20)
    if code is None:
        hook.end(0)
    return code, hook


def messages(caplog: pytest.LogCaptureFixture, script: str) -> list[str]:
    """Return the log lines of a script."""
    caplog.set_level(logging.INFO, logger="orchestrator.hook")
    caplog.clear()
    run(script)
    return [each.getMessage() for each in caplog.records if each.name == "orchestrator.hook"]


def test_each_line_of_the_output_is_logged_whatever_its_bytes_are(caplog: pytest.LogCaptureFixture) -> None:
    """Of another system's line ends, in another encoding, and the last one without an end."""
    assert messages(caplog, r"printf 'one\r\n\377two\n'; echo three >&2; printf end") == [
        *("one", "\ufffdtwo", "three", "end"),
    ]


def test_a_long_line_is_split_and_a_flood_only_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither takes the memory that the app needs; the log would cut what is longer than its lines may be."""
    monkeypatch.setattr(process, "LONGEST_LINE", 4)
    monkeypatch.setattr(process, "LOGGED_LINES", 6)
    assert messages(caplog, "echo 1234567890; echo x; echo y; printf 1234567890") == [
        *("1234", "5678", "90", "x", "y", "1234"),
        "2 further lines of the hook's output were not logged.",
    ]


def test_a_failure_has_the_end_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is in it; but one line must not fill the event."""
    monkeypatch.setattr(process, "TAIL_LINES", 2)
    monkeypatch.setattr(process, "TAIL_CHARACTERS", 3)
    _, hook = run("echo first; echo second; echo third; exit 4")
    assert hook.tail == "sec\nthi"


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 3", 3), ("kill -KILL $$", 128 + signal.SIGKILL), ("cat", 0), ("exec ./no-such-program", 127)],
    ids=["code", "signal", "no input", "no program"],
)
def test_a_hook_ends_as_in_a_shell(script: str, code: int) -> None:
    """Its standard input is empty: a question would wait until the time limit."""
    assert run(script)[0] == code


def test_a_program_that_cannot_be_run_is_named() -> None:
    """It was there when the start began."""
    hook = HookProcess(["./no-such-program"], os.environ)
    assert (hook.wait(20), hook.tail) == (126, "./no-such-program: No such file or directory")


def test_what_a_hook_leaves_behind_writes_into_its_own_pipe_only(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The pipe was closed with the hook, and its reader took the bytes of the next file with that number."""
    caplog.set_level(logging.INFO, logger="orchestrator.hook")
    os.mkfifo(go := tmp_path / "go")
    code, hook = run(f"(read x < {go}; echo late; echo later) &")
    reader = hook._output  # noqa: SLF001  # to wait for its end
    del hook
    gc.collect()
    others = [os.pipe() for _ in range(20)]
    for read, write in others:
        os.set_blocking(read, False)  # the standard library's
        os.write(write, b"ours")
    go.write_text("now\n")
    reader.join(20)
    assert (code, caplog.messages) == (0, ["late", "later"])
    for each in others:
        assert os.read(each[0], 9) == b"ours"
        os.close(each[0])
        os.close(each[1])
