"""The settings as a person reads them: for `--help` and the table of the README."""

from typing import NamedTuple

from orchestrator.credentials import VARIABLES
from orchestrator.settings import Settings


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
        lines.append(f"| `{row.name}` | {default} | {row.help.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"
