"""The effect of `configure` on a whole process: each test is a process, and everything on stdout is a line."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.log.config import PACKAGED_CONFIG
from orchestrator.log.packaged import PACKAGED
from tests.unit.records import read

PROLOGUE = """
import logging, logging.config, os, subprocess, sys, threading, warnings
from pathlib import Path
from orchestrator import log
log.CONTEXT.log_format = "json"
log.configure(level="info")
"""


def run(code: str, *, prologue: str = PROLOGUE, expect: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Run a process; returns the lines of its stdout, which must be JSON without exception, and its stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", prologue + code],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert done.returncode == expect, done.stderr
    return [read(line) for line in done.stdout.split("\n")[:-1]], done.stderr


def test_the_packaged_file_is_what_it_says() -> None:
    """It is not read at a start; and the copy at hand in the repository is the same file."""
    packaged = PACKAGED_CONFIG.read_text(encoding="utf-8")
    assert yaml.safe_load(packaged) == PACKAGED
    assert (Path(__file__).parents[2] / "logging.yaml").read_text(encoding="utf-8") == packaged


def test_a_start_with_the_packaged_file_imports_no_yaml() -> None:
    """Nor structlog: both are only for those who use them."""
    run("assert not {'yaml', 'structlog'} & sys.modules.keys()")


def test_any_text_that_a_program_writes_is_a_line() -> None:
    """Prints, warnings, uncaught exceptions, threads: stdout carries nothing but lines."""
    lines, stderr = run(
        """
print("printed", "twice\\nover")
print("unfinished", end="")
sys.stdout.write(" line\\n")
warnings.warn("a warning")
logging.getLogger("some.library").info("a record")
thread = threading.Thread(target=lambda: 1 / 0, name="worker")
thread.start(); thread.join()
class Gone:
    def __del__(self): raise KeyError("in del")
Gone()
raise ValueError("uncaught")
""",
        expect=1,
    )
    told = [(line["logger"], line["message"].split("\n")[0]) for line in lines]
    assert told[:3] == [("stdout", "printed twice"), ("stdout", "over"), ("stdout", "unfinished line")]
    assert "a warning" in lines[3]["message"]
    assert told[4] == ("some.library", "a record")
    assert "ended thread worker: ZeroDivisionError" in told[5][1]
    assert "KeyError" in told[6][1]
    assert told[7] == ("orchestrator.uncaught", "An exception was not caught: ValueError('uncaught')")
    assert "ValueError: uncaught" in lines[7]["exception"]
    assert stderr == ""


EVIL = """
class Evil(Exception):
    def __repr__(self): raise SystemExit("by repr")
    __str__ = __repr__
    __class__ = property(__repr__)
"""


def test_any_uncaught_object_is_a_record() -> None:
    """In a thread, a destructor, a task, a warning, an argument, in the end: each is a line, and none a fault."""
    lines, stderr = run(
        EVIL
        + """
import asyncio
class Gone:
    def __del__(self): raise Evil
def fails(): raise Evil
async def main():
    asyncio.get_running_loop().call_soon(fails)
    asyncio.get_running_loop().call_exception_handler({"message": "handled", "exception": Evil()})
    await asyncio.sleep(0)
thread = threading.Thread(target=fails); thread.start(); thread.join()
Gone()
asyncio.run(main())
warnings.warn(type("Odd", (UserWarning,), {"__str__": lambda self: "odd\\udcff\\n"})())
logging.getLogger("app").info("%s", Evil())
logging.getLogger("app").info("%(a)s", {"a": Evil()})
logging.getLogger("app").info(Evil(), exc_info=Evil())
fails()
""",
        expect=1,
    )
    loggers = [line["logger"] for line in lines]
    assert sorted(loggers[:4]) == ["asyncio", "asyncio", "orchestrator.uncaught", "orchestrator.uncaught"]
    assert loggers[4:] == ["py.warnings", "app", "app", "app", "orchestrator.uncaught"]
    assert stderr == ""


def test_a_thread_may_end_itself() -> None:
    """By SystemExit, as `threading.excepthook` documents: that is not a fault."""
    lines, stderr = run("thread = threading.Thread(target=sys.exit); thread.start(); thread.join()")
    assert (lines, stderr) == ([], "")


def test_threads_do_not_write_into_each_others_lines() -> None:
    """Each is whole, while starting and while serving, and none is missing."""
    lines, _ = run(
        """
def talk(number):
    for each in range(200):
        logging.getLogger("app").info("x" * 5000, extra={"number": number, "each": each})
        print("printed", number, each)
threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
log.unblock()
for thread in threads: thread.join()
log.settle(60)
"""
    )
    logged = [(line["number"], line["each"]) for line in lines if line["logger"] == "app"]
    assert sorted(logged) == [(number, each) for number in range(8) for each in range(200)]
    assert [each for number, each in logged if number == 3] == list(range(200))
    assert len([line for line in lines if line["logger"] == "stdout"]) == 1600


def test_a_record_logged_at_the_very_end_is_there() -> None:
    """By exit handlers and destructors, when the thread that writes has gone already."""
    lines, stderr = run(
        """
import atexit
class Late:
    def __del__(self): logging.getLogger("app").info("by a destructor")
late = Late()
atexit.register(logging.getLogger("app").info, "by an exit handler")
log.unblock()
logging.getLogger("app").info("while serving")
log.settle(60)
"""
    )
    assert [line["message"] for line in lines] == ["while serving", "by an exit handler", "by a destructor"]
    assert stderr == ""


def test_child_processes_that_are_forked_log_too() -> None:
    """Workers of an app that are made while it serves have no thread that writes for them."""
    lines, _ = run(
        """
import multiprocessing
log.unblock()
for number in range(3):
    child = multiprocessing.get_context("fork").Process(target=logging.getLogger("app").info, args=("by a child",))
    child.start(); child.join()
log.settle(60)
"""
    )
    assert [line["message"] for line in lines if line["logger"] == "app"] == ["by a child"] * 3


def test_what_goes_round_python_ends_on_stderr() -> None:
    """Children and C libraries write to file descriptor 1, and would stand between two halves of a line."""
    lines, stderr = run(
        """
os.write(1, b"past python\\n")
subprocess.run(["echo", "a child"], check=True)
subprocess.run(["echo", "a child with our stdout"], check=True, stdout=sys.stdout)
sys.__stdout__.write("the original\\n"); sys.__stdout__.flush()
"""
    )
    assert lines == []
    assert stderr.splitlines() == ["past python", "a child", "a child with our stdout", "the original"]


def test_a_reader_that_went_away_is_not_a_reason_to_complain() -> None:
    """Each line would otherwise be a traceback on stderr, and the start would look like a failure."""
    code = PROLOGUE + "logging.getLogger('x').info('nobody reads')\nos._exit(0)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, "")


def test_structlog_is_configured_too() -> None:
    """With its context variables, such as a request's id."""
    lines, _ = run(
        """
import structlog
log.restore()
structlog.contextvars.bind_contextvars(request_id="r1")
structlog.get_logger("app.plants").warning("low on water", plant=7)
"""
    )
    (line,) = lines
    assert (line["logger"], line["level"], line["message"]) == ("app.plants", "warning", "low on water")
    assert (line["request_id"], line["plant"]) == ("r1", 7)


def test_nothing_below_the_level_of_the_settings_is_written() -> None:
    """`warning` hides every lower line: of an event, of a print and of the app."""
    lines, _ = run(
        """
from orchestrator.events import DatabaseEmbedded, ProcessStopped
log.configure(level="warning")
logging.basicConfig(level="INFO")
print("printed")
logging.getLogger("app").info("info")
logging.getLogger("app").warning("warning")
log.log_event(ProcessStopped(uptime_seconds=1.0, exit_code=0))
log.log_event(DatabaseEmbedded(database="a.db"))
"""
    )
    assert [(line["event"], line["level"]) for line in lines] == [("log", "warning"), ("database_embedded", "warning")]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "text",
        "version: 2",
        "version: 1\nroot: {handlers: [nowhere]}",
        "version: 1\nhandlers: {a: {class: no.such.Handler}}",
        "version: 1\nhandlers: {a: {class: logging.StreamHandler, formatter: nowhere}}",
        "version: 1\nformatters: {a: {(): no.such.formatter}}",
        "version: 1\nloggers: [a]",
        "version: 1\nroot: {level: LOUD}",
        "a: [",
        "a: !!python/object:os.system x",
        "\\x00",
    ],
)
def test_a_file_that_is_not_a_configuration_is_refused_in_one_line(content: str | None, tmp_path: Path) -> None:
    """A traceback of PyYAML explains nothing, and logging must still work to report it."""
    file = tmp_path / "logging.yaml"
    if content is not None:
        file.write_text(content)
    lines, stderr = run(
        f"""
try:
    log.configure(Path({str(file)!r}))
except ValueError as error:
    log.configure()
    logging.getLogger("x").warning("%s", error)
"""
    )
    assert len(lines) == 1
    assert lines[0]["message"].startswith(f"{file} is not a logging configuration: ")
    assert "\n" not in lines[0]["message"]
    assert stderr == ""
