"""The output that the app would show on its console appears once, as a line with its level; nothing more.

Each test is a process that logs as real apps do. `shown` is the output of the same program without us.
"""

import pytest

from tests.unit.logging_programs import ALL, DICT, ROOT, SOME, WARNINGS, lines_of

CONFIGURATIONS = {
    "nothing": ("", WARNINGS),
    "a level and no handler": ("app.setLevel('DEBUG')", WARNINGS),
    "basicConfig": ("logging.basicConfig(level='INFO')", SOME),
    "basicConfig on stdout": ("logging.basicConfig(level='DEBUG', stream=sys.stdout)", ALL),
    "basicConfig by force": ("logging.basicConfig(level='INFO', force=True)", SOME),
    "basicConfig twice": ("logging.basicConfig(level='INFO'); logging.basicConfig(level='DEBUG')", SOME),
    "basicConfig on the first stderr": ("logging.basicConfig(level='INFO', stream=sys.__stderr__)", SOME),
    "basicConfig into a file": ("logging.basicConfig(level='INFO', filename='/dev/null')", []),
    "basicConfig into the console as a file": ("logging.basicConfig(level='INFO', filename='/dev/stdout')", SOME),
    "a file handler on the console of process 1": (
        "app.addHandler(logging.FileHandler('/proc/self/fd/2', delay=True)); app.setLevel('INFO')",
        SOME,
    ),
    "a handler of its own": ("app.addHandler(logging.StreamHandler()); app.setLevel('INFO')", SOME),
    "two handlers": ("logging.basicConfig(level='INFO'); app.addHandler(logging.StreamHandler(sys.stdout))", SOME),
    "a handler with a level": (
        "logging.basicConfig(level='INFO'); logging.root.handlers[0].setLevel('ERROR')",
        ["error"],
    ),
    "a handler with a filter": (
        "logging.basicConfig(level='INFO'); logging.root.handlers[0].addFilter(lambda r: r.levelno != 30)",
        ["info", "error"],
    ),
    "dictConfig": (f"logging.config.dictConfig({DICT | ROOT})", []),
    "dictConfig, and then the logger": (
        f"logging.config.dictConfig({DICT | ROOT}); app.disabled = False",
        SOME,
    ),
    "dictConfig of the logger": (
        f"logging.config.dictConfig({DICT | {'loggers': {'app': {'level': 'DEBUG', 'handlers': ['console']}}}})",
        ALL,
    ),
    "disabled": ("app.disabled = True", []),
    "all disabled": ("logging.disable()", []),
    "disabled up to info": ("logging.basicConfig(level='DEBUG'); logging.disable(logging.INFO)", WARNINGS),
    "handlers removed": ("logging.root.handlers.clear(); logging.getLogger('orchestrator').handlers.clear()", WARNINGS),
    "ours disabled": ("logging.getLogger('orchestrator').disabled = True", WARNINGS),
    "shut down": ("logging.shutdown()", WARNINGS),
    "a handler of another kind": (
        """
class Mine(logging.Handler):
    def emit(self, record): print(self.format(record)); sys.stderr.write('more about it')
logging.basicConfig(level='INFO', handlers=[Mine()])
""",
        SOME,
    ),
    "uvicorn's handlers": ("app.handlers = logging.getLogger('uvicorn').handlers; app.setLevel('INFO')", SOME),
    "a child of uvicorn.error": ("app = logging.getLogger('uvicorn.error').getChild('app')", SOME),
    "a formatter that fails": (
        "logging.basicConfig(level='INFO', format='%(nothing)s')",
        SOME,
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_the_app_would_show_is_shown_once_with_its_level(name: str) -> None:
    """Whatever configures the logging has its effect on the app's records, and none on our events."""
    code, levels = CONFIGURATIONS[name]
    lines = lines_of(f"{code}\ntalks()")
    assert [line["level"] for line in lines] == levels
    for line in lines:
        assert line["event"] == "log"
        assert line["logger"] in {"app", "uvicorn.error.app"}
        assert line["message"] == {"debug": "d", "info": "i", "warning": "w 1", "error": "e"}[line["level"]]
        assert line.get("plant") == (7 if line["level"] == "info" else None)
        assert ("ZeroDivisionError" in line.get("exception", "")) == (line["level"] == "error")


def test_records_that_go_through_a_queue_are_shown_by_its_thread() -> None:
    """`QueueHandler` puts the traceback into the message, and the record into the hands of another thread."""
    lines = lines_of(
        """
import queue, logging.handlers
waiting = queue.SimpleQueue()
app.addHandler(logging.handlers.QueueHandler(waiting))
listener = logging.handlers.QueueListener(waiting, logging.StreamHandler())
listener.start()
talks()
listener.stop()
"""
    )
    assert [(line["level"], line["message"].split("\n")[0]) for line in lines] == [("warning", "w 1"), ("error", "e")]


def test_the_result_of_a_configuration_is_what_it_asked_for() -> None:
    """Apache Airflow looks for the handlers that it has configured, and does not start without them."""
    lines = lines_of(
        f"""
logging.config.dictConfig({DICT | {"loggers": {"airflow.task": {"handlers": ["console"], "propagate": False}}}})
logger = logging.getLogger("airflow.task")
assert [type(each) for each in logger.handlers] == [logging.StreamHandler]
assert logging.getHandlerByName("console") is logger.handlers[0] if hasattr(logging, "getHandlerByName") else True
logging.basicConfig(level="INFO")
assert len(logging.root.handlers) == 1 and logging.root.level == logging.INFO
"""
    )
    assert lines == []


def test_what_a_signal_handler_prints_while_a_record_is_written_is_a_line_beside_it() -> None:
    """It may interrupt the handler of a record before, within and after its one write."""
    lines = lines_of(
        """
import os, signal
signal.signal(signal.SIGUSR1, lambda number, frame: print("signalled", flush=True))
class Interrupted(logging.StreamHandler):
    def emit(self, record):
        os.kill(os.getpid(), signal.SIGUSR1)
        super().emit(record)
        os.kill(os.getpid(), signal.SIGUSR1)
    def format(self, record):
        os.kill(os.getpid(), signal.SIGUSR1)
        return super().format(record)
app.addHandler(Interrupted(sys.stdout))
app.warning("a record")
"""
    )
    told = [(line["logger"], line["message"]) for line in lines]
    assert sorted(told) == [("app", "a record"), *[("stdout", "signalled")] * 3]


ACCESS = "logging.getLogger('uvicorn.access')"


def test_an_odd_record_raises_no_exception() -> None:
    """Libraries make records by hand; with any content, the call that logs returns."""
    lines = lines_of(
        """
logging.basicConfig(level="INFO")
for odd in ({"pathname": None}, {"args": (1, 2)}, {"msg": None}, {"name": None}, {"created": "yesterday"}):
    logging.root.handle(logging.makeLogRecord({"levelno": 40, "levelname": "ERROR", "msg": "m", **odd}))
app.info("%s %s", "too few")
"""
    )
    assert [line["level"] for line in lines] == [*["error"] * 5, "info"]


@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error"])
def test_the_app_may_use_uvicorns_loggers(name: str) -> None:
    """Many do, as they are the ones that show `info` without any configuration."""
    (line,) = lines_of(f"logging.getLogger({name!r}).info('of the app')")
    assert (line["level"], line["message"]) == ("info", "of the app")


def test_what_uvicorn_and_alembic_say_is_left_to_our_events() -> None:
    """`Started server process`, `Running upgrade` and each access line would repeat our events."""
    lines = lines_of(
        f"""
import uvicorn.server, alembic.runtime.migration, uvicorn.protocols.http.h11_impl
{ACCESS}.addHandler(logging.StreamHandler(sys.stdout))
def by(module, logger, level, words):
    code = compile(f"logger.log({{level}}, {{words!r}})", module.__file__, "exec")
    exec(code, {{"logger": logging.getLogger(logger)}})
by(uvicorn.server, "uvicorn.error", 20, "Started server process")
by(alembic.runtime.migration, "alembic.runtime.migration", 20, "Running upgrade")
by(uvicorn.protocols.http.h11_impl, "uvicorn.access", 20, "GET /")
by(uvicorn.server, "uvicorn.error", 40, "Exception in ASGI application")
{ACCESS}.info("by the app")
"""
    )
    assert [line["message"] for line in lines] == ["Exception in ASGI application", "by the app"]
