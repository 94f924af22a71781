"""The output that the app would show on its console appears once, as a line with its level; nothing more.

Each test is a process that logs as real apps do. `shown` is the output of the same program without us.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.programs import Programs
from tests.unit.records import read

IMPORTS = "import uvicorn, alembic, structlog, logging.handlers, yaml, orchestrator.log"
PROLOGUE = """
import json, logging, logging.config, sys, uvicorn, alembic
from orchestrator import log
from orchestrator.events import ProcessStopped
log.CONTEXT.log_format = "json"
log.configure()
def ends():
    log.restore()
    log.log_event(ProcessStopped(uptime_seconds=1.0, exit_code=0))
app = logging.getLogger("app")
def talks():
    app.debug("d")
    app.info("i", extra={"plant": 7})
    app.warning("w %s", 1)
    try:
        1 / 0
    except ZeroDivisionError:
        app.exception("e")
"""
ENDS = "\nends()\n"
ALL, SOME, WARNINGS = ["debug", "info", "warning", "error"], ["info", "warning", "error"], ["warning", "error"]
DICT = {
    "version": 1,
    "formatters": {"f": {"format": "%(asctime)s [%(levelname)s] %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "f"}},
}

ROOT = {"root": {"level": "INFO", "handlers": ["console"]}}


_programs: list[Programs] = []


@pytest.fixture(scope="module", autouse=True)
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One process has imported everything; each program is a fork of it."""
    with Programs(tmp_path_factory.mktemp("programs"), IMPORTS) as running:
        _programs.append(running)
        yield
        _programs.clear()


def lines_of(code: str) -> list[dict[str, Any]]:
    """Return the lines of a program that changes logging and then logs an event."""
    lines, stderr = _programs[0].run(PROLOGUE + code + ENDS)
    assert stderr == ""
    found = [read(line) for line in lines]
    assert found[-1]["event"] == "process_stopped"
    return found[:-1]


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


LOGURU = "from loguru import logger\n"
INTERCEPT = """
import inspect
class InterceptHandler(logging.Handler):
    def emit(self, record):
        try:
            level = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())
"""


def test_loguru_keeps_its_levels_and_its_tracebacks_are_one_line() -> None:
    """Its text carries the record that it was made of."""
    lines = lines_of(
        LOGURU
        + """
logger.trace("not shown"); logger.debug("d"); logger.success("s"); logger.warning("w\\nof two lines")
with logger.contextualize(plant=7):
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("e")
logger.critical("c")
"""
    )
    assert [(line["level"], line["message"]) for line in lines] == [
        ("debug", "d"),
        ("info", "s"),
        ("warning", "w\nof two lines"),
        ("error", "e"),
        ("critical", "c"),
    ]
    assert lines[3]["plant"] == 7
    assert "ZeroDivisionError" in lines[3]["exception"]


SINKS = {
    "its own": "",
    "stdout": "logger.remove(); logger.add(sys.stdout, colorize=True)",
    "a function": "logger.remove(); logger.add(lambda text: print(text, end=''), format='{level} | {message}')",
    "a queue": "logger.remove(); logger.add(sys.stderr, enqueue=True)",
    "JSON": "logger.remove(); logger.add(sys.stdout, serialize=True)",
}


@pytest.mark.parametrize("sink", SINKS)
def test_each_sink_of_loguru_on_the_console_is_shown_once(sink: str) -> None:
    """Two sinks are two lines in loguru as well."""
    (line,) = lines_of(f"{LOGURU}{SINKS[sink]}\nlogger.error('words')\nlogger.complete()")
    assert line["level"] == "error"
    assert "words" in line["message"]
    assert sink != "JSON" or line["record"]["level"]["name"] == "ERROR"


@pytest.mark.parametrize(
    "way",
    [
        "logging.basicConfig(handlers=[InterceptHandler()], level=0, force=True)",
        """
logging.root.handlers = [InterceptHandler()]; logging.root.setLevel('DEBUG')
for name in list(logging.root.manager.loggerDict):
    logging.getLogger(name).handlers = []; logging.getLogger(name).propagate = True
""",
    ],
)
def test_logurus_recipe_for_the_standard_library_doubles_nothing(way: str) -> None:
    """Records go from `logging` to loguru to the console, and our events do not go that way."""
    lines = lines_of(
        f"{LOGURU}{INTERCEPT}{way}\ntalks()\nlogging.getLogger('uvicorn.error').warning('u')\nlogger.info('own')"
    )
    told = [(line["level"], line["message"]) for line in lines if line["logger"] not in {"asyncio", "concurrent"}]
    assert told == [
        *(("debug", "d"), ("info", "i"), ("warning", "w 1"), ("error", "e"), ("warning", "u"), ("info", "own")),
    ]


COUNTED = """
class InterceptHandler(logging.Handler):
    def emit(self, record):
        logger.opt(depth=6, exception=record.exc_info).log(record.levelname, record.getMessage())
"""
"""The older recipe: the caller of `logger.warning` is six frames away."""


@pytest.mark.parametrize("recipe", [INTERCEPT, COUNTED])
@pytest.mark.parametrize("queue", [False, True])
def test_a_record_that_goes_through_loguru_and_a_handler_is_one_line(recipe: str, *, queue: bool) -> None:
    """SQLAlchemy's `echo` shows its records itself; loguru's thread comes later, and knows of no record at hand."""
    lines = lines_of(
        f"""{LOGURU}{recipe}
logger.remove()
names = []
logger.add(lambda text: names.append(text.record["function"]))
logger.add(sys.stdout, enqueue={queue}, format="{{time}} | {{message}}")
logging.basicConfig(handlers=[InterceptHandler()], level="INFO", force=True)
app.addHandler(logging.StreamHandler(sys.stdout))
app.warning("both ways")
logging.getLogger("other").error("through loguru")
logger.success("its own")
logger.complete()
assert names == ["<module>"] * 3, names
"""
    )
    told = [(line["logger"], line["level"], line["message"]) for line in lines]
    assert told == [
        ("app", "warning", "both ways"),
        ("other", "error", "through loguru"),
        ("__main__", "info", "its own"),
    ]


def test_words_that_loguru_has_changed_are_those_that_are_shown() -> None:
    """A patcher hides what the app calls secret: the record of `logging` still has it."""
    (line,) = lines_of(
        f"""{LOGURU}{INTERCEPT}
logger.remove()
logger.configure(patcher=lambda record: record.update(message=record["message"].replace("0170 12", "0170 **")))
logger.add(sys.stdout, enqueue=True)
logging.basicConfig(handlers=[InterceptHandler()], level="INFO", force=True)
app.warning("call 0170 12")
logger.complete()
"""
    )
    assert (line["level"], line["message"]) == ("warning", "call 0170 **")


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


STRUCTLOG = "import structlog\nlog.restore()\n"
STRUCTLOGS = {
    "nothing configured": "",
    "printed JSON": "structlog.configure(processors=[structlog.processors.add_log_level, *JSON])",
    "bytes of JSON": (
        "structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer("
        "serializer=lambda data, **_: json.dumps(data).encode())], logger_factory=structlog.BytesLoggerFactory())"
    ),
    "through logging": (
        "logging.basicConfig(format='%(message)s', stream=sys.stdout, level='INFO')\n"
        "structlog.configure(processors=[structlog.stdlib.add_log_level, *JSON],"
        " logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger)"
    ),
    "its formatter": (
        "handler = logging.StreamHandler(); logging.root.addHandler(handler); logging.root.setLevel('INFO')\n"
        "handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=JSON[0]))\n"
        "structlog.configure(processors=[structlog.stdlib.add_log_level,"
        " structlog.stdlib.ProcessorFormatter.wrap_for_formatter],"
        " logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger)"
    ),
    "coloured text": (
        "structlog.configure(processors=[structlog.processors.add_log_level, structlog.dev.ConsoleRenderer()])"
    ),
}


@pytest.mark.parametrize("name", STRUCTLOGS)
def test_structlog_keeps_its_keys_and_its_level(name: str) -> None:
    """`{ $.event = "order_placed" }` and `{ $.order_id = 7 }` match as without us, where it writes JSON."""
    code = STRUCTLOG + "JSON = [structlog.processors.JSONRenderer()]\n" + STRUCTLOGS[name]
    (line,) = lines_of(f"{code}\nstructlog.get_logger().warning('order_placed', order_id=7)")
    assert line["level"] == "warning"
    assert "order_placed" in line["message"]
    if name != "coloured text":
        assert line["order_id"] == 7
    if name not in {"coloured text", "nothing configured"}:
        assert line["event"] == "order_placed"


def test_json_of_the_app_cannot_pass_for_ours() -> None:
    """Its keys stay where ours leave room; a clash gets a prefix, and our facts about the process are ours."""
    told = {"event": "migration_failed", "level": "loud", "state": "failed", "boot_id": 1, "logger": "orchestrator"}
    told |= {"message": "words", "timestamp": "1970", "password": "x", "order": {"id": 7}}
    printed, logged = lines_of(f"print(json.dumps({told}))\napp.warning(json.dumps({told}))")
    for line, logger, level in ((printed, "stdout", "info"), (logged, "app", "warning")):
        assert (line["event"], line["message"], line["level"]) == ("log", "words", level)
        assert (line["logger"], line["state"]) == (logger, "waiting")
        assert (line["extra_event"], line["extra_state"]) == ("migration_failed", "failed")
        assert (line["extra_boot_id"], line["extra_timestamp"]) == (1, "1970")
        assert (line["password"], line["order"]) == ("***", {"id": 7})


def test_json_with_a_traceback_is_one_line_with_its_keys() -> None:
    """Litestar and structlog write it so; the traceback in it does not continue in the next lines."""
    told = {"message": "Uncaught", "level": "warning", "exception": "Traceback (most recent call last):\n  File\nE: e"}
    lines = lines_of(f"for number in (1, 2): print(json.dumps({told} | {{'path': number}}))")
    assert [(each["message"], each["level"], each["path"]) for each in lines] == [
        ("Uncaught", "warning", 1),
        ("Uncaught", "warning", 2),
    ]
    assert lines[0]["exception"] == told["exception"]


def test_text_on_standard_error_is_lines() -> None:
    """A traceback is one, with the level that it deserves; so is a line that names its level."""
    lines = lines_of(
        """
import traceback
print("words", file=sys.stderr)
sys.stderr.write("ERROR: not ")
sys.stderr.write("good\\nWARNING:app:of logging's default format\\n")
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc()
try:
    raise ExceptionGroup("group", [ValueError("inner")])
except ExceptionGroup:
    traceback.print_exc()
print("2026-11-30 07:00:00,123 - app - CRITICAL - words", "2026-11-30T07:00:00Z INFORMATION", sep="\\n")
"""
    )
    told = [(line["level"], line["message"], line["logger"]) for line in lines]
    assert told[:3] == [
        ("info", "words", "stderr"),
        ("error", "ERROR: not good", "stderr"),
        ("warning", "WARNING:app:of logging's default format", "stderr"),
    ]
    assert told[3] == ("error", "ZeroDivisionError: division by zero", "stderr")
    assert lines[3]["exception"].startswith("Traceback (most recent call last):\n")
    assert (lines[4]["level"], "ValueError: inner" in lines[4]["exception"]) == ("error", True)
    assert [line["level"] for line in lines[5:]] == ["critical", "info"]


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


INI = """
[alembic]
script_location = alembic
[loggers]
keys = root,sqlalchemy,alembic,mine
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = WARNING
handlers = console
[logger_sqlalchemy]
level = WARNING
handlers =
qualname = sqlalchemy.engine
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[logger_mine]
level = DEBUG
handlers =
qualname = mine
[handler_console]
class = StreamHandler
args = (sys.stderr,)
[formatter_generic]
format = %(message)s
"""


def test_alembics_ini_holds_while_env_py_runs(tmp_path: Any) -> None:
    """Its levels let records of revisions through; it disables no logger, and afterwards all is as before."""
    ini = tmp_path / "alembic.ini"
    ini.write_text(INI)
    lines = lines_of(
        f"""
logging.basicConfig(level="INFO")
with log.env_py_runs():
    logging.config.fileConfig({str(ini)!r})
    assert len(logging.root.handlers) == 1
    logging.getLogger("alembic.env").info("by env.py")
    logging.getLogger("mine").debug("by a revision")
    app.info("not by the ini's root level")
logging.getLogger("mine").debug("afterwards")
logging.config.fileConfig({str(ini)!r})
talks()
"""
    )
    assert [line["message"] for line in lines] == ["by env.py", "by a revision", "w 1", "e"]
    assert not [line for line in lines if "fileConfig" in line["message"]]


def test_what_env_py_configures_holds_while_it_runs() -> None:
    """Under uvicorn the app never sees it; what env.py imports is the app's own, and stays."""
    lines = lines_of(
        """
def by(file, code):
    exec(compile(code, file, "exec"), globals())
with log.env_py_runs():
    by("/srv/alembic/env.py", "logging.basicConfig(level='INFO')")
    app.info("by env.py")
    by("/srv/app/config.py", "logging.getLogger('kept').addHandler(logging.StreamHandler())")
    by("/srv/app/config.py", "logging.config.dictConfig({'version': 1, 'loggers': {'kept': {'level': 'INFO'}}})")
    by("/srv/app/config.py", "logging.getLogger('kept').addHandler(logging.StreamHandler())")
app.disabled = False
app.info("not shown under uvicorn")
logging.getLogger("kept").info("by the app")
assert not logging.root.handlers and logging.root.level == logging.WARNING
"""
    )
    assert [line["message"] for line in lines] == ["by env.py", "by the app"]


def test_another_ini_is_the_apps_own(tmp_path: Any) -> None:
    """`fileConfig` of the app has the effect that it has anywhere."""
    ini = tmp_path / "logging.ini"
    ini.write_text(INI.replace("script_location", "something"))
    lines = lines_of(f"logging.config.fileConfig({str(ini)!r}, disable_existing_loggers=False)\ntalks()")
    assert [line["level"] for line in lines] == WARNINGS


FILE = "version: 1\nhandlers: {a: {class: logging.StreamHandler, formatter: f}}\nroot: {level: INFO, handlers: [a]}\n"


@pytest.mark.parametrize("ours", [True, False])
def test_a_file_of_the_project_is_used_only_if_it_writes_our_lines(ours: bool, tmp_path: Any) -> None:  # noqa: FBT001  # drawn
    """Many projects have a logging.yaml for uvicorn; it would replace JSON and let passwords through."""
    file = tmp_path / "logging.yaml"
    made = "{f: {(): orchestrator.log.formatter}}" if ours else "{f: {format: '%(message)s'}}"
    file.write_text(f"{FILE}formatters: {made}\n".replace("formatter: f}", "formatter: f, stream: ext://sys.stdout}"))
    for how in (
        f"from pathlib import Path; log.configure(Path({str(file)!r}))",
        f"import os; os.chdir({str(tmp_path)!r}); log.configure()",
    ):
        lines = lines_of(f"import os; from pathlib import Path\n{how}\ntalks()")
        warned = [line for line in lines if "is not used" in line["message"]]
        assert len(warned) == (not ours)
        assert [line["level"] for line in lines if line["logger"] == "app"] == (SOME if ours else WARNINGS)


def test_other_formatters_get_records_without_secrets(tmp_path: Any) -> None:
    """A second handler in logging.yaml may write to a file in another format."""
    file, written = tmp_path / "logging.yaml", tmp_path / "log.txt"
    file.write_text(
        f"""
version: 1
formatters: {{f: {{(): orchestrator.log.formatter}}, g: {{format: "%(message)s %(plant)s"}}}}
handlers:
  a: {{class: logging.StreamHandler, formatter: f, stream: ext://sys.stdout}}
  b: {{class: logging.FileHandler, filename: {written}, formatter: g}}
root: {{level: INFO, handlers: [a, b]}}
"""
    )
    lines_of(
        f"""
from pathlib import Path
log.configure(Path({str(file)!r}))
log.REDACTOR.register(["hUnTeR2-x"])
try:
    raise ValueError("hUnTeR2-x")
except ValueError:
    app.exception("%s", "hUnTeR2-x", extra={{"plant": "hUnTeR2-x"}})
"""
    )
    assert "hUnTeR2-x" not in written.read_text()
    assert written.read_text().startswith("*** ***\nTraceback")


def test_a_secret_of_several_lines_is_not_printed_line_by_line() -> None:
    """A key in PEM is the password of many; `print` ends each of its lines."""
    lines = lines_of(
        """
secret = "-----BEGIN KEY-----\\nhUnTeR2x\\nabc\\n-----END KEY-----"
log.REDACTOR.register([secret])
print(secret)
print("it is", secret)
for line in secret.splitlines():
    sys.stderr.write(line + "\\n")
"""
    )
    told = " ".join(line["message"] for line in lines)
    assert "hUnTeR2x" not in told
    assert told.count("abc") == 1  # on its own: too short to be recognised
    assert "KEY" not in told


QUEUES = {
    "loguru": LOGURU + "logger.remove(); logger.add(slow, enqueue=True, format='{message}'); talk = logger.error",
    "logging": """
from logging.handlers import QueueHandler, QueueListener
class Slow(logging.StreamHandler):
    def emit(self, record):
        slow(record.getMessage())
words = queue.Queue(); QueueListener(words, Slow()).start(); logging.root.addHandler(QueueHandler(words))
talk = logging.error
""",
}


@pytest.mark.parametrize("way", QUEUES)
def test_what_a_queue_of_the_app_holds_is_written_before_the_last_event(way: str) -> None:
    """A thread writes it; nothing comes after the last event."""
    lines = lines_of(
        f"""
import queue, time
def slow(text):
    time.sleep(0.1); print(text.strip())
{QUEUES[way]}
talk("one"); talk("two"); log.finish_prints(); print("the last event", flush=True)
"""
    )
    assert [line["message"] for line in lines] == ["one", "two", "the last event"]


def test_a_queue_without_a_reader_delays_the_end_for_a_moment_only() -> None:
    """Its listener may have ended."""
    lines = lines_of(
        """
import queue, time
from logging.handlers import QueueHandler
logging.root.addHandler(QueueHandler(queue.Queue())); logging.error("lost")
began = time.monotonic(); log.finish_prints()
print("in time" if time.monotonic() - began < 10 else "late")
"""
    )
    assert [line["message"] for line in lines] == ["in time"]
