"""Reads `logging.yaml` and applies it to all lines.

A file is used only if its root logger writes with our formatter: many projects have a `logging.yaml` for another
program, and its handlers would write lines that are not JSON and may contain secrets.
"""

import copy
import logging
import logging.config
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.log import direct
from orchestrator.log.foreign import OwnRecords, StandIn, loggers
from orchestrator.log.lines import LineFormatter, Redacted
from orchestrator.log.output import Output
from orchestrator.log.packaged import PACKAGED
from orchestrator.log.route import ROUTE

PACKAGED_CONFIG = Path(__file__).parent.parent / "logging.yaml"
LOCAL = Path("logging.yaml")
FORMATTER = "orchestrator.log.formatter"
_OWN = "orchestrator"

# Read at import: a project may replace it later.
_DICT_CONFIG = logging.config.dictConfig


def choose(path: Path | None) -> tuple[Path, str]:
    """Return the file to use, and a warning if it is not the requested one.

    Args:
        path: The file in the settings; none: `logging.yaml` in the working directory, if it uses our formatter.

    Raises:
        ValueError: `path` is not a usable configuration.
    """
    if path == PACKAGED_CONFIG or (
        path is None and (not LOCAL.is_file() or LOCAL.read_bytes() == PACKAGED_CONFIG.read_bytes())
    ):
        return PACKAGED_CONFIG, ""
    given = path or LOCAL
    try:
        config = read(given)
        if _uses_our_formatter(config):
            return given, ""
        with _undone():
            apply(config, given)
    except ValueError as error:
        if path:
            raise
        return PACKAGED_CONFIG, f"{error}. The packaged logging.yaml is used instead."
    return PACKAGED_CONFIG, (
        f"{given} is not used: no handler of its root logger has the formatter {FORMATTER}. "
        "The packaged logging.yaml is used instead."
    )


def read(path: Path) -> dict[str, Any]:
    """Return the content of a dictConfig file.

    Raises:
        ValueError: it is not YAML, or not a mapping.
    """
    if path == PACKAGED_CONFIG:
        return copy.deepcopy(PACKAGED)  # dictConfig keeps parts of it
    import yaml

    with _naming(path, yaml.YAMLError):
        return {"disable_existing_loggers": False, **yaml.safe_load(path.read_text(encoding="utf-8"))}


def apply(config: dict[str, Any], path: Path) -> None:
    """Configure logging with the content of `path`.

    Raises:
        ValueError: dictConfig does not accept it.
    """
    with _naming(path):
        _DICT_CONFIG(config)


def put_in_force(path: Path, output: Output, level: str) -> None:
    """Write all lines by the configuration in `path`.

    `level`, if given, is the lowest level of the root logger and of the whole log.

    Raises:
        ValueError: the file is not a usable configuration.
    """
    root, kept = logging.getLogger(), list(logging.getLogger().handlers)
    own = logging.getLogger(_OWN)
    own.handlers[:], own.propagate = [], True
    printed, sys.stdout = sys.stdout, output  # for `ext://sys.stdout`, and the question whether it is a terminal
    try:
        apply(read(path), path)
    finally:
        sys.stdout = printed
    if level:
        root.setLevel(level.upper())
    _take_route(root, output, root.level if level else logging.NOTSET)
    root.handlers[:] = kept


def _take_route(root: logging.Logger, output: Output, floor: int) -> None:
    own = logging.getLogger(_OWN)
    ROUTE.handlers = list(root.handlers)
    ROUTE.own_handlers = [*own.handlers, *(root.handlers if own.propagate else ())]
    ROUTE.own_filters, ROUTE.own_level = list(own.filters), own.getEffectiveLevel()
    ROUTE.requests = logging.getLogger(f"{_OWN}.request").isEnabledFor(logging.INFO)
    ROUTE.floor = floor
    ROUTE.output = direct.output_of(ROUTE.own_handlers, ROUTE.own_filters)
    own.handlers[:], own.propagate = [OwnRecords()], False
    for handler in {*ROUTE.handlers, *ROUTE.own_handlers}:
        if not isinstance(handler.formatter, LineFormatter):
            handler.setFormatter(Redacted(handler.formatter or logging.Formatter()))
        elif draw := getattr(handler.formatter.render, "draw_on", None):
            draw(output)
            handler.addFilter(handler.formatter.render.shows)  # type: ignore[attr-defined]  # it is a Screen, whose module is not imported without a terminal
    for logger in loggers():
        logger.handlers[:] = [
            StandIn() if getattr(each, "stream", None) is output else each for each in logger.handlers
        ]
    logging.lastResort = StandIn(root.level)


def _uses_our_formatter(config: dict[str, Any]) -> bool:
    """Return whether a handler of its root logger uses our formatter."""
    try:
        ours = {name for name, each in config["formatters"].items() if each.get("()") == FORMATTER}
        root = config.get("root") or config["loggers"][""]
        return any(config["handlers"][name].get("formatter") in ours for name in root["handlers"])
    except (LookupError, TypeError, AttributeError):
        return False


@contextmanager
def _undone() -> Iterator[None]:
    """Undo all changes to the handlers, levels and flags of loggers at the end of the block."""
    before = [(each, list(each.handlers), each.level, each.propagate, each.disabled) for each in loggers()]
    try:
        yield
    finally:
        for logger in loggers():
            logger.handlers.clear()
            logger.setLevel(logging.NOTSET)
        for logger, handlers, level, propagate, disabled in before:
            logger.handlers[:], logger.propagate, logger.disabled = handlers, propagate, disabled
            logger.setLevel(level)


@contextmanager
def _naming(path: Path, more: type[Exception] = OSError) -> Iterator[None]:
    """Add the file's name to every error."""
    try:
        yield
    except (OSError, ValueError, TypeError, AttributeError, ImportError, more) as error:
        raise ValueError(f"{path} is not a logging configuration: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
