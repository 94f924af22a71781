"""The app configures logging itself; each record that it shows is still one line."""

from pathlib import Path

import pytest

from tests.acceptance.talking_apps import served, words
from tests.harness import Project

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
    output = await served(project, app)
    assert words(output, "app").count("while serving") == 1
    assert words(output, "stdout").count("while serving") == 0
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
    output = await served(project, app)
    assert (words(output, "noisy"), words(output, "app")) == ([], ["warned"])
    output = await served(project, app, {"ORCHESTRATOR_LOG_LEVEL": "debug"})
    assert (words(output, "noisy"), words(output, "app")) == ([], ["detail", "warned"])


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
    output = await served(project, app)
    assert words(output, "app") == ["while serving"]
    assert "while serving" in (project.path / "elsewhere").read_text()


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
    output = await served(project, app)
    records = output.find("log", logger="app")
    assert len(records) == 12
    assert max(len(line.encode()) for line in output.lines) > 15_000, "what is cut is cut at the limit"
    assert not output.find("migration_failed")
    assert {each["schema"] for each in output.events} == {1}
    assert all(each["truncated"] for each in records[:2])
    assert records[-1]["message"] == "deep"
    assert "ZeroDivisionError" in records[-1]["exception"]


async def test_logging_yaml_beside_the_app_is_the_authority(project: Project) -> None:
    """A level or a format in it holds, for our own loggers too."""
    packaged = Path(__file__).parents[2] / "logging.yaml"
    text = packaged.read_text()
    assert "orchestrator.request: {level: INFO}" in text
    project.write(
        "logging.yaml", text.replace("orchestrator.request: {level: INFO}", "orchestrator.request: {level: WARNING}")
    )
    assert not (await served(project, "")).find("request")
    other = project.write("other.yaml", text)
    assert (await served(project, "", {"ORCHESTRATOR_LOG_CONFIG": str(other)})).find("request", path="/", status=200)
