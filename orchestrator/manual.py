"""The settings and the events as a person reads them: for `--help`, the table of the README, and docs/events.md.

`python -m orchestrator.manual settings` prints the one, `python -m orchestrator.manual > docs/events.md` the other.
"""

import logging
import sys
from dataclasses import fields
from typing import Any, NamedTuple, get_type_hints

from orchestrator.database_url import VARIABLES
from orchestrator.errors import EXIT_OK, EXIT_USAGE, Failure
from orchestrator.events import CATALOGUE, Event
from orchestrator.settings import Settings

_COMMON = """\
# Events

Made from the catalogue in the code by `python -m orchestrator.manual > docs/events.md`; do not edit it here. Names,
levels, fields and exit codes are public interface: alarms and saved queries filter on them.

Each line of stdout is one JSON object of at most 16,000 bytes. On every line:

| field | type | meaning |
| --- | --- | --- |
| `timestamp` | text | RFC 3339, UTC, milliseconds |
| `level` | text | `debug`, `info`, `warning`, `error` or `critical` |
| `event` | text | one of the names below; `log` for what any other logger says |
| `message` | text | a sentence |
| `state` | text | `waiting`, `migrating`, `serving`, `draining`, `stopped` or `failed`, when it happened |
| `outcome` | text | `success`, `failure` or `unknown` |
| `service`, `version` | text | ORCHESTRATOR_SERVICE and ORCHESTRATOR_VERSION |
| `logger` | text | who says it; `orchestrator` for the events below |
| `schema` | number | 1 |
| `boot_id` | text | the same for all lines of one process |
| `elapsed_seconds` | number | since the process began |
| `task_id`, `cluster`, `task_family`, `task_revision` | text | in ECS only |
| `exception` | text | the traceback, where reading it helps |
| `truncated` | list of texts | the fields that were cut or left out, where the line would have been too long |
"""
_TYPES: dict[Any, str] = {
    str: "text",
    int: "number",
    float: "number",
    int | str: "number or text",
    int | None: "number or null",
    float | None: "number or null",
    list[str]: "list of texts",
    list[dict[str, str]]: "list of objects",
}


class Row(NamedTuple):
    """One variable."""

    name: str
    default: str
    help: str

    @property
    def sentence(self) -> str:
        """For the help of a command."""
        return f"{self.help} (default: {self.default})" if self.default else self.help


def variables() -> list[Row]:
    """Every variable in the order of the documentation: the database's, then ours."""
    rows = [Row(name, "", text) for name, text in VARIABLES.items()]
    for info in Settings.model_fields.values():
        default = "" if info.default is None else str(info.default)
        default = default.lower() if isinstance(info.default, bool) else default
        rows.append(Row(str(info.alias), default, str(info.description)))
    return rows


def markdown_table() -> str:
    """The table of the README."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for row in variables():
        default = f"`{row.default}`" if row.default else "-"
        lines.append(f"| `{row.name}` | {default} | {_cell(row.help)} |")
    return "\n".join(lines) + "\n"


def markdown_events() -> str:
    """docs/events.md: what is on every line, the exit codes, then each event with its fields."""
    kinds = [kind for kind in CATALOGUE.values() if not issubclass(kind, Failure)]
    failures = [kind for kind in CATALOGUE.values() if issubclass(kind, Failure)]
    parts = [_COMMON, _exit_codes(failures), "## Events of every start\n", *map(_section, kinds)]
    return "\n".join([*parts, "## Failures\n", *map(_section, failures)])


def _exit_codes(failures: list[type[Failure]]) -> str:
    lines = ["## Exit codes", "", "| code | event before it | meaning | what to do |", "| --- | --- | --- | --- |"]
    rows = {kind.exits_with: (f"`{kind.name}`", _meaning(kind), kind.cure) for kind in failures}
    rows[EXIT_OK] = ("`process_stopped`", "Stopped as asked, or the command is done.", "-")
    rows[EXIT_USAGE] = ("-", "A command line that is none; one line on standard error says why.", "See `--help`.")
    rows[1] = ("`startup_failed`", "With `error_type` = `bug`: a bug of the orchestrator.", rows[1][2])
    lines += [f"| {code} | {' | '.join(map(_cell, cells))} |" for code, cells in sorted(rows.items())]
    return "\n".join(lines) + "\n"


def _section(kind: type[Event]) -> str:
    lines = [f"### `{kind.name}`", "", " ".join(map(_form, [kind, *kind.__subclasses__()]))]
    types = get_type_hints(kind)
    lines += ["", "| field | type | meaning |", "| --- | --- | --- |"]
    lines += [
        f"| `{each.name}` | {_TYPES[types[each.name]]} | {_cell(each.metadata['help'])} |" for each in fields(kind)
    ]
    return "\n".join(lines) + "\n"


def _form(kind: type[Event]) -> str:
    level = logging.getLevelName(kind.level).lower()
    return f"Level `{level}`, outcome `{kind.outcome}`. {_meaning(kind)}"


def _meaning(kind: type[Event]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(markdown_table() if sys.argv[1:] == ["settings"] else markdown_events())
