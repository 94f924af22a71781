"""The app writes output in each way that Python has, and every line of stdout is still a JSON line of the log."""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import struct
import sys
import termios
from pathlib import Path

import pytest

from tests.acceptance.outcome import assert_well_formed, failure
from tests.harness import Orchestrator, Output, Project, http_client, make_project, run
from tests.servers import HOST, free_port

LIFESPAN = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await starting()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await answering()
    await send({"type": "http.response.body", "body": b"hello"})

async def starting(): pass
async def answering(): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1")
    return project


async def _served(project: Project, app: str, env: dict[str, str] | None = None) -> Output:
    """Serve this application, ask it once, stop it, and return what was written."""
    project.write("app/main.py", LIFESPAN + app)
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started")
        async with process.client() as client:
            await client.get("/")
        assert await process.stop() == 0, process.story()
    assert_well_formed(process)
    return process


def _said(output: Output, logger: str) -> list[str]:
    return [event["message"] for event in output.find("log", logger=logger)]


async def test_printed_text_becomes_one_record_per_line(project: Project) -> None:
    """At import, in env.py, in a revision, in the lifespan and in a request; also bytes, half lines and colours."""
    env = project.path / "alembic" / "env.py"
    project.write("alembic/env.py", "print('by env.py')\n" + env.read_text())
    project.add_revision("r2", "print('by a revision')")
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
    said = _said(await _served(project, app), "stdout")
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
    said = _said(await _served(project, app), "stdout")
    assert "by its buffer ü" in said
    assert [text for text in said if text.startswith("no text")]
    assert [text for text in said if "by click" in text]


async def test_what_does_not_end_with_a_line_end_is_not_lost(project: Project) -> None:
    """The last words of an app often have none; ours still come after them."""
    output = await _served(project, "import sys\nsys.stdout.write('the last words')\n")
    assert "the last words" in _said(output, "stdout")
    assert output.events[-1]["event"] == "process_stopped"
    project.write("app/main.py", "import sys\nsys.stdout.write('the last words')\nraise ValueError")
    result = await run("serve", cwd=project.path)
    failure(result, "app_failed", 3)
    assert "the last words" in _said(result, "stdout")


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
    output = await _served(project, app)
    assert [text for text in _said(output, "py.warnings") if "by the import" in text]
    told = "".join(output.lines)
    for text in ("by a destructor", "by a task", "by a thread"):
        events = [event for event in output.events if text in event.get("exception", "")]
        assert events, text
        assert {event["level"] for event in events} == {"error"}
    assert told.count("Traceback") >= 3
    assert output.stderr == ""


HIJACKS = {
    "basicConfig": "logging.basicConfig(level='INFO', force=True)",
    "basicConfig on stdout": "logging.basicConfig(level='INFO', stream=sys.stdout, force=True)",
    "a handler on stdout": "logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))",
    "a handler of its own": "logging.getLogger('app').addHandler(logging.StreamHandler(sys.stdout))",
    "dictConfig": "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True})",
    "a configurator": "logging.config.DictConfigurator({'version': 1, 'root': {'handlers': []}}).configure()",
    "no handlers": "logging.getLogger().handlers.clear()",
    "disabled": "logging.getLogger('orchestrator').disabled = True",
    "shutdown": "logging.shutdown()",
    "structlog's defaults": "structlog.reset_defaults(); structlog.get_logger().info('by structlog')",
    "structlog on stdout": "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stdout))",
}


@pytest.mark.parametrize("hijack", HIJACKS)
async def test_no_logging_configuration_removes_it(project: Project, hijack: str) -> None:
    """Each line that the app logs while it serves is there once, and so are the events to the last."""
    app = f"""
import logging, logging.config, structlog, sys
{HIJACKS[hijack]}
logging.getLogger("app").warning("at import")

async def answering():
    logging.getLogger("app").warning("while serving")
"""
    output = await _served(project, app)
    assert _said(output, "app").count("while serving") == 1
    assert _said(output, "stdout").count("while serving") == 0
    assert output.events[-1]["event"] == "process_stopped"


async def test_a_level_that_the_app_sets_is_the_apps(project: Project) -> None:
    """Records below the configured level stay out, and a silenced library stays silent."""
    app = """
import logging
logging.getLogger("noisy").setLevel("ERROR")
for name in ("noisy", "app"):
    logging.getLogger(name).debug("detail")
    logging.getLogger(name).warning("warned")
"""
    output = await _served(project, app)
    assert (_said(output, "noisy"), _said(output, "app")) == ([], ["warned"])
    output = await _served(project, app, {"ORCHESTRATOR_LOG_LEVEL": "debug"})
    assert (_said(output, "noisy"), _said(output, "app")) == ([], ["detail", "warned"])


async def test_handlers_that_lead_elsewhere_stay(project: Project) -> None:
    """Such as OpenTelemetry's, beside one on the console: they take nothing away from the lines."""
    app = """
import logging

class Elsewhere(logging.Handler):
    def emit(self, record):
        with open("elsewhere", "a") as file:
            file.write(record.getMessage() + "\\n")

logging.basicConfig()
logging.getLogger().addHandler(Elsewhere())

async def answering():
    logging.getLogger("app").warning("while serving")
"""
    output = await _served(project, app)
    assert _said(output, "app") == ["while serving"]
    assert "while serving" in (project.path / "elsewhere").read_text()


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
    output = await _served(project, app)
    assert "by a" not in "".join(output.lines)
    for text in ("by a child", "by the descriptor", "by a shell", "by a child while serving"):
        assert text in output.stderr


async def test_records_of_any_size_and_kind_are_lines(project: Project) -> None:
    """A megabyte in the message, in an argument, in an extra, in an exception; objects that cannot be written."""
    app = """
import logging
log = logging.getLogger("app")
huge = "ü" * 1_000_000

class Broken:
    def __repr__(self):
        raise ValueError("no")

async def starting():
    log.warning(huge)
    log.warning("%s", huge)
    log.warning("extra", extra={"huge": huge, "list": [huge] * 3, "broken": Broken()})
    log.warning("many", extra={f"name{number}": "x" * 100 for number in range(1000)})
    log.warning("%s %s", "too few")
    log.warning(Broken())
    log.warning("numbers", extra={"a": float("nan"), "b": 2**200, "c": {1: b"\\xff", None: {3}}})
    log.warning("fake", extra={"event": "migration_failed", "level": "critical", "boot_id": "0", "schema": 9})
    circle = []
    circle.append(circle)
    log.warning("circle", extra={"circle": circle})
    log.warning("line\\nbreak\\r\\u2028\\0 \\ud800")
    try:
        raise ValueError(huge)
    except ValueError:
        log.exception("failed")

    def deep(number):
        return deep(number - 1) if number else 1 / 0

    try:
        deep(500)
    except ZeroDivisionError:
        log.exception("deep")
"""
    output = await _served(project, app)
    records = output.find("log", logger="app")
    assert len(records) == 12
    assert max(len(line.encode()) for line in output.lines) > 15_000, "what is cut is cut at the limit"
    assert not output.find("migration_failed")
    assert {each["schema"] for each in output.events} == {1}
    assert all(each["truncated"] for each in records[:2])
    assert records[-1]["message"] == "deep"
    assert "ZeroDivisionError" in records[-1]["exception"]


@pytest.mark.parametrize(
    "app",
    [
        "raise ValueError('by the import')",
        "import nowhere_at_all",
        "raise SystemExit('by the import')",
        "def app(",
        "async def starting():\n    raise ValueError('by the lifespan')",
        "async def starting():\n    raise SystemExit(5)",
        "app = 3",
    ],
)
async def test_an_app_that_does_not_start_is_one_story(project: Project, app: str) -> None:
    """Its traceback is in the event alone; nothing was migrated if it does not even import."""
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
    shown = await _on_a_terminal(project, {})
    assert "Database is ready!" in shown
    assert "Database migrations completed successfully!" in shown
    assert '"event"' not in shown
    shown = await _on_a_terminal(project, {"ORCHESTRATOR_LOG_FORMAT": "json"})
    assert {json.loads(line)["event"] for line in shown.splitlines()} >= {"database_ready", "process_stopped"}


async def test_logging_yaml_beside_the_app_is_the_authority(project: Project) -> None:
    """A level or a format in it holds, for our own loggers too."""
    packaged = Path(__file__).parents[2] / "logging.yaml"
    text = packaged.read_text()
    assert "orchestrator.request: {level: INFO}" in text
    project.write(
        "logging.yaml", text.replace("orchestrator.request: {level: INFO}", "orchestrator.request: {level: WARNING}")
    )
    assert not (await _served(project, "")).find("request")
    other = project.write("other.yaml", text)
    assert (await _served(project, "", {"ORCHESTRATOR_LOG_CONFIG": str(other)})).find("request", path="/", status=200)
