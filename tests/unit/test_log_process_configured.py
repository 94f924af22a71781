"""Which configuration a process gets: the packaged file, a level, structlog; and which file is refused."""

from pathlib import Path

import pytest
import yaml

from orchestrator.log.config import PACKAGED_CONFIG
from orchestrator.log.packaged import PACKAGED
from tests.unit.logging_runs import run


def test_the_packaged_file_is_what_it_says() -> None:
    """It is not read at a start; and the copy at hand in the repository is the same file."""
    packaged = PACKAGED_CONFIG.read_text(encoding="utf-8")
    assert yaml.safe_load(packaged) == PACKAGED
    assert (Path(__file__).parents[2] / "logging.yaml").read_text(encoding="utf-8") == packaged


def test_a_start_with_the_packaged_file_imports_no_yaml() -> None:
    """Nor structlog: both are only for those who use them."""
    run("assert not {'yaml', 'structlog'} & sys.modules.keys()")


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
