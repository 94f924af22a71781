"""The app writes to stdout in each way that Python has, and every line of stdout is still a JSON line of the log."""

import asyncio
import contextlib
import os
import sys

import pytest

from tests.acceptance.outcome import failure
from tests.acceptance.talking_apps import LIFESPAN, served, words
from tests.harness import Project, http_client, run
from tests.servers import HOST, free_port


async def test_printed_text_becomes_one_record_per_line(project: Project) -> None:
    """At import, in env.py, in a revision, in the lifespan and in a request; also bytes, half lines and colours."""
    env = project.path / "alembic" / "env.py"
    project.write("alembic/env.py", "print('by env.py')\n" + env.read_text())
    project.add_revision("r1", "print('by a revision')")
    app = """
import sys
print("by the import")
print("two", "words", end=" ")
print("and more", flush=True)
print("first\\nsecond\\n\\nthird")
print("\\x1b[31mred\\x1b[0m\\r\\0 ü \\ud800")
print()
sys.stdout.write("written")
sys.stdout.writelines(["\\n", "lines\\n"])

async def starting():
    print("by the lifespan")

async def answering():
    print("by a request")
"""
    said = words(await served(project, app), "stdout")
    for text in ("env.py", "a revision", "the import", "the lifespan", "a request"):
        assert f"by {text}" in said
    for text in ("two words and more", "first", "second", "third", "written", "lines"):
        assert text in said
    assert [text for text in said if "red" in text and "ü" in text]


async def test_what_people_do_with_stdout_does_not_fail(project: Project) -> None:
    """Libraries look for its encoding, its buffer, its descriptor, and whether it is a terminal."""
    app = """
import sys
sys.stdout.reconfigure(line_buffering=True, encoding="utf-8")
assert sys.stdout.encoding.lower().replace("-", "") == "utf8"
assert not sys.stdout.isatty()
assert sys.stdout.writable() and not sys.stdout.closed
sys.stdout.buffer.write(b"by its buffer \\xc3\\xbc\\n")
sys.stdout.buffer.write(b"no text \\xff\\n")
sys.stdout.buffer.flush()
sys.stdout.flush()
import click
click.secho("by click", fg="red")
"""
    said = words(await served(project, app), "stdout")
    assert "by its buffer ü" in said
    assert [text for text in said if text.startswith("no text")]
    assert [text for text in said if "by click" in text]


async def test_what_does_not_end_with_a_line_end_is_not_lost(project: Project) -> None:
    """The last words of an app often have none; ours still come after them."""
    output = await served(project, "import sys\nsys.stdout.write('the last words')\n")
    assert "the last words" in words(output, "stdout")
    assert output.events[-1]["event"] == "process_stopped"
    project.write("app/main.py", "import sys\nsys.stdout.write('the last words')\nraise ValueError")
    result = await run("serve", cwd=project.path)
    failure(result, "app_failed", 3)
    assert "the last words" in words(result, "stdout")


async def test_warnings_and_uncaught_failures_are_records(project: Project) -> None:
    """A warning, an exception in a thread, an unawaited task, a destructor; each with its place."""
    app = """
import asyncio, gc, threading, warnings
warnings.warn("by the import")

class Bad:
    def __del__(self):
        raise ValueError("by a destructor")

async def fails():
    raise ValueError("by a task")

def breaks():
    raise ValueError("by a thread")

async def starting():
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    del task
    gc.collect()
    thread = threading.Thread(target=breaks)
    thread.start()
    thread.join()
    Bad()
    asyncio.get_running_loop().call_soon(breaks)
    await asyncio.sleep(0.01)
"""
    output = await served(project, app)
    assert [text for text in words(output, "py.warnings") if "by the import" in text]
    told = "".join(output.lines)
    for text in ("by a destructor", "by a task", "by a thread"):
        events = [event for event in output.events if text in event.get("exception", "")]
        assert events, text
        assert {event["level"] for event in events} == {"error"}
    assert told.count("Traceback") >= 3
    assert output.stderr == ""


async def test_what_writes_to_the_descriptor_does_not_come_between_the_lines(project: Project) -> None:
    """A child process or a library in C does not know of our stdout; what it writes is on stderr."""
    app = """
import os, subprocess
subprocess.run(["echo", "by a child"])
os.write(1, b"by the descriptor\\n")
os.system("echo by a shell")

async def answering():
    subprocess.run(["echo", "by a child while serving"])
"""
    output = await served(project, app)
    assert "by a" not in "".join(output.lines)
    for text in ("by a child", "by the descriptor", "by a shell", "by a child while serving"):
        assert text in output.stderr


@pytest.mark.parametrize(
    "app",
    [
        "raise ValueError('by the import')",
        "import nowhere_at_all",
        "raise SystemExit('by the import')",
        "raise BaseException('as the panic of an extension in Rust')",
        "def app(",
        "async def starting():\n    raise ValueError('by the lifespan')",
        "async def starting():\n    raise SystemExit(5)",
        "app = 3",
    ],
)
async def test_an_app_that_does_not_start_is_one_story(project: Project, app: str) -> None:
    """Its traceback is in the event alone; nothing was migrated if it does not even import."""
    project.add_revision("r1")
    project.write("app/main.py", LIFESPAN + app)
    env = {"UVICORN_LIFESPAN": "on"}  # otherwise uvicorn takes a failure for an app without a lifespan
    result = await run("serve", env=env, cwd=project.path)
    failed = failure(result, "app_failed", 3)
    assert failed["app"] == "app.main:app"
    assert failed["exception"].startswith("Traceback")
    assert bool(result.find("revision_applied")) == ("starting" in app)


async def test_a_reader_that_goes_away_does_not_end_the_process(project: Project) -> None:
    """The service continues without its log, and still stops in order."""
    project.write("app/main.py", LIFESPAN + "async def answering():\n    print('x' * 10_000)\n")
    reading, writing = os.pipe()
    port = free_port()
    env = {"PATH": os.environ["PATH"], "PORT": str(port), "LANG": "C.UTF-8", "ORCHESTRATOR_EMBEDDED_DATABASE": "allow"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator", "serve", cwd=project.path, env=env, stdout=writing, stderr=-1
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as lines:
            started = await asyncio.to_thread(lambda: any('"server_started"' in line for line in lines))
        assert started
        async with http_client(f"http://{HOST}:{port}") as client:
            for _ in range(20):
                assert (await client.get("/")).text == "hello"
        process.terminate()
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
