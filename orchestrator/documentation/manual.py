"""The settings and events as documentation: `--help`, docs/settings.md, `orchestrator events`.

`python -m orchestrator.documentation.manual` prints docs/settings.md.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Literal, NamedTuple, get_type_hints

from orchestrator.documentation.json_types import Schema, schema_of
from orchestrator.documentation.schema import COMMON, Common, forms, level, line_schema, meaning
from orchestrator.errors import EXIT_OK, EXIT_USAGE, Failure, StartupFailed
from orchestrator.events import CATALOGUE, Event
from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.settings.model import Settings

_HEAD = """\
# Events

Made from the catalogue in the code by `orchestrator events > docs/events.md`; do not edit it here. Names, levels,
fields and exit codes are public interface: alarms and saved queries filter on them. For programs there are
`orchestrator events --format json`, and `--format schema`: the JSON Schema of a line.

Each line of stdout is one JSON object of at most 16,000 bytes. With ORCHESTRATOR_METRICS=emf the fields that name a
metric below are CloudWatch metrics as well, under that name.

"""
_WORDS = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false", "null": "null"}
_SETTINGS_HEAD = """\
# Settings

All settings are environment variables. Durations are in seconds. `orchestrator COMMAND --help` lists the variables
that a command reads.

A wrong value ends the start with exit code 78, before anything is changed; all faults are reported together. An
unknown variable `ORCHESTRATOR_*` or `MIGRATION_DATABASE_*` is a fault if its name is close to a valid one, because it
is probably a typo. Otherwise it is a warning.

This page is made from the code: `python -m orchestrator.documentation.manual > docs/settings.md`. Do not edit it here.
uvicorn's variables have a [page of their own](uvicorn.md). [The database's address](database.md) and
[secrets](secrets.md) explain the first two tables."""
_SETTINGS_HEADINGS = {  # the first variable below each heading
    "DATABASE_URL": "Where the database is",
    "MIGRATION_DATABASE_URL": "Another login for migrating",
    "ORCHESTRATOR_APP": "The app and its migrations",
    "ORCHESTRATOR_HOST": "The port",
    "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "How long to wait",
    "ORCHESTRATOR_WHEN_AHEAD": "A database that is ahead or half applied",
    "ORCHESTRATOR_DRAIN_SECONDS": "Stopping",
    "ORCHESTRATOR_LOG_CONFIG": "The log",
    "ORCHESTRATOR_LIVE_PATH": "Probes and the status page",
    "ORCHESTRATOR_METRICS": "Metrics",
    "FORWARDED_ALLOW_IPS": "Variables of uvicorn",
}
_FIELDS = ["| field | type | unit | meaning |", "| --- | --- | --- | --- |"]


class Row(NamedTuple):
    """One variable."""

    name: str
    default: str
    help: str

    @property
    def sentence(self) -> str:
        """Return the text for `--help`."""
        return f"{self.help} (default: {self.default})" if self.default else self.help


def variables() -> list[Row]:
    """Return every variable in the order of the documentation: the database's first."""
    rows = []
    for each in (*DatabaseSettings.fields.values(), *Settings.fields.values()):
        default = "" if each.default is None else str(each.default)
        rows.append(Row(each.name, default.lower() if isinstance(each.default, bool) else default, each.help))
    return rows


def markdown_settings() -> str:
    """Return docs/settings.md: a table for each purpose."""
    lines = [_SETTINGS_HEAD]
    for row in variables():
        if heading := _SETTINGS_HEADINGS.get(row.name):
            lines += ["", f"## {heading}", "", "| variable | default | meaning |", "| --- | --- | --- |"]
        default = f"`{row.default}`" if row.default else "-"
        lines.append(f"| `{row.name}` | {default} | {_cell(row.help)} |")
    return "\n".join(lines) + "\n"


def failures() -> dict[int, str]:
    """Return what each exit code of a failed start means."""
    kinds = [kind for kind in CATALOGUE.values() if issubclass(kind, Failure)]
    found = {kind.exits_with: meaning(kind) for kind in kinds}
    return found | {StartupFailed.exits_with: "A bug of the orchestrator: `error_type` is `bug`."}


def catalogue(form: Literal["markdown", "json", "schema"]) -> str:
    """Return every event as Markdown (docs/events.md), as JSON, or as the JSON Schema of a line."""
    if form == "markdown":
        return markdown_events()
    found = line_schema() if form == "schema" else _as_data()
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def markdown_events() -> str:
    """Return docs/events.md: the fields of every line, the exit codes, then each event with its fields."""
    kinds = [kind for kind in CATALOGUE.values() if not issubclass(kind, Failure)]
    failures = [kind for kind in CATALOGUE.values() if issubclass(kind, Failure)]
    parts = [_HEAD + _common(), _exit_codes(failures), "## Events of every start\n", *map(_section, kinds)]
    return "\n".join([*parts, "## Failures\n", *map(_section, failures)])


def _as_data() -> dict[str, Any]:
    common = [
        {
            "name": each.name,
            "type": _in_words(each.schema),
            "unit": each.unit,
            "help": each.help,
            "always": each.everywhere,
        }
        for each in COMMON
    ]
    return {"common": common, "events": [_event(kind) for kind in CATALOGUE.values()]}


def _event(kind: type[Event]) -> dict[str, Any]:
    types = get_type_hints(kind)
    told: dict[str, Any] = {
        "name": kind.name,
        "help": meaning(kind),
        "levels": [level(each) for each in forms(kind)],
        "outcomes": [each.outcome for each in forms(kind)],
        "message": kind.sentence,
        "fields": [
            {
                "name": each.name,
                "type": _in_words(schema_of(types[each.name])),
                **{name: each.metadata[name] for name in ("unit", "help", "metric")},
            }
            for each in fields(kind)
        ],
    }
    return told | ({"exit_code": kind.exits_with, "hint": kind.cure} if issubclass(kind, Failure) else {})


def _common() -> str:
    everywhere = [each for each in COMMON if each.everywhere]
    parts = ["On every line:\n", *_table(everywhere), "\nOn some lines:\n"]
    return "\n".join([*parts, *_table(each for each in COMMON if not each.everywhere)]) + "\n"


def _table(rows: Iterable[Common]) -> list[str]:
    cells = [f"| `{each.name}` | {_in_words(each.schema)} | {each.unit or '-'} | {_cell(each.help)} |" for each in rows]
    return [*_FIELDS, *cells]


def _in_words(schema: Schema) -> str:
    """Return the type of a JSON Schema for people."""
    if schema.get("type") == "array":
        return f"list of {_in_words(schema['items'])}s"
    kinds = schema.get("type", "number")
    return " or ".join(_WORDS.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _exit_codes(failures: list[type[Failure]]) -> str:
    lines = ["## Exit codes", "", "| code | event before it | meaning | what to do |", "| --- | --- | --- | --- |"]
    rows = {kind.exits_with: (f"`{kind.name}`", meaning(kind), kind.cure) for kind in failures}
    rows[EXIT_OK] = ("`process_stopped`", "Stopped as asked, or the command is done.", "-")
    rows[EXIT_USAGE] = ("-", "A command line that is none; one line on standard error says why.", "See `--help`.")
    rows[1] = ("`startup_failed`", "With `error_type` = `bug`: a bug of the orchestrator.", rows[1][2])
    lines += [f"| {code} | {' | '.join(map(_cell, cells))} |" for code, cells in sorted(rows.items())]
    return "\n".join(lines) + "\n"


def _section(kind: type[Event]) -> str:
    lines = [f"### `{kind.name}`", "", " ".join(map(_form, forms(kind)))]
    if not fields(kind):
        return "\n".join(lines) + "\n"
    types = get_type_hints(kind)
    lines += ["", *_FIELDS]
    lines += [
        f"| `{each.name}` | {_in_words(schema_of(types[each.name]))} | {_help(each.metadata)} |"
        for each in fields(kind)
    ]
    return "\n".join(lines) + "\n"


def _help(metadata: Mapping[str, Any]) -> str:
    """Return the table cells for a field's unit and meaning."""
    metric = f"; metric `{metadata['metric']}`" if metadata["metric"] else ""
    return f"{metadata['unit'] or '-'} | {_cell(metadata['help'])}{metric}"


def _form(kind: type[Event]) -> str:
    return f"Level `{level(kind)}`, outcome `{kind.outcome}`. {meaning(kind)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(markdown_settings())
