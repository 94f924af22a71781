"""On a terminal, or if text is asked for, the log is for people."""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import struct
import sys
import termios

from tests.harness import Project, run


async def test_text_is_for_people(project: Project) -> None:
    """With ORCHESTRATOR_LOG_FORMAT=text a line is a time, a state and a sentence, and a hint follows a failure."""
    result = await run("migrate", env={"ORCHESTRATOR_LOG_FORMAT": "text"}, cwd=project.path)
    assert (result.exit_code, result.events, result.stderr) == (0, [], "")
    assert any("Database is ready!" in line for line in result.lines)
    assert not any("\x1b" in line for line in result.lines), "nobody sees colours in a file"
    project.write("app/main.py", "raise ValueError('no')")
    result = await run("serve", env={"ORCHESTRATOR_LOG_FORMAT": "text"}, cwd=project.path)
    assert result.exit_code == 3
    assert any("→" in line for line in result.lines)
    assert any("ValueError: no" in line for line in result.lines)


async def _on_a_terminal(project: Project, env: dict[str, str]) -> str:
    """Run `migrate` on a terminal and return what it shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    env = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "ORCHESTRATOR_EMBEDDED_DATABASE": "allow",
    } | env
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator", "migrate", cwd=project.path, env=env, stdout=theirs, stderr=theirs
    )
    os.close(theirs)

    def read() -> bytes:
        shown = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # EIO is its end
            while data := terminal.read(65_536):
                shown += data
        return shown

    shown = await asyncio.to_thread(read)
    assert await process.wait() == 0, shown
    return shown.decode()


async def test_on_a_terminal_lines_are_for_people(project: Project) -> None:
    """By itself, and not if JSON is asked for."""
    project.add_revision("r1")
    shown = await _on_a_terminal(project, {})
    assert "Database is ready!" in shown
    assert "Database migrations completed successfully!" in shown
    assert '"event"' not in shown
    shown = await _on_a_terminal(project, {"ORCHESTRATOR_LOG_FORMAT": "json"})
    assert {json.loads(line)["event"] for line in shown.splitlines()} >= {"database_ready", "process_stopped"}
