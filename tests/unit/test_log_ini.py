"""Logging that a file configures: Alembic's ini, env.py, the project's own file; and what must not get out."""

from typing import Any

import pytest

from tests.unit.logging_programs import LOGURU, SOME, WARNINGS, lines_of

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
