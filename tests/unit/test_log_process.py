"""The effect of `configure` on a whole process: each test is a process, and everything on stdout is a line."""

import subprocess
import sys

from tests.unit.logging_runs import PROLOGUE, run


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
