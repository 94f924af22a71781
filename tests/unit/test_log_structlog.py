"""Structured logs of the app, of structlog or as JSON, and text on standard error."""

import pytest

from tests.unit.logging_programs import lines_of

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
