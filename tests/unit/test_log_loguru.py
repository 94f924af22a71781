"""loguru beside our log: each record is one line on every way."""

import pytest

from tests.unit.logging_programs import LOGURU, lines_of

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
