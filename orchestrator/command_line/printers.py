"""The commands that print something and exit, one function each. Each imports what it needs when it runs."""

import sys
from pathlib import Path
from typing import Literal

import click

from orchestrator.command_line.commands import Printer
from orchestrator.dialects import NAMES
from orchestrator.errors import EXIT_OK
from orchestrator.extras import missing
from orchestrator.runtime.stop import Stop


@click.command(cls=Printer)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; --schema prints the schema of it.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --json, and do nothing else.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when a database is not at head.")
@click.pass_obj
def status(stop: Stop, *, as_json: bool, schema: bool, exit_code: bool) -> int:
    """Show where the database is, what ran when, what was interrupted and who holds the lock. Changes nothing."""
    from orchestrator.people import status as command

    return _print(command.schema()) if schema else command.status(stop, as_json=as_json, exit_code=exit_code)


@click.command(cls=Printer)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; --schema prints the schema of it.")
@click.option("--sql", is_flag=True, help="Print the SQL alone.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --json, and do nothing else.")
@click.pass_obj
def plan(stop: Stop, *, as_json: bool, sql: bool, schema: bool) -> int:
    """Show the pending revisions: their SQL, the size of their tables, and whom they block. Changes nothing."""
    from orchestrator.people import plan as command

    if as_json and sql:
        raise click.UsageError("--json and --sql exclude each other")
    return _print(command.schema()) if schema else command.plan(stop, "json" if as_json else "sql" if sql else "text")


@click.command(cls=Printer)
@click.option("--since", default="", metavar="REVISION", help="Judge only revisions that this one does not need.")
@click.option(
    "--dialect",
    type=click.Choice(NAMES),
    help="Whose SQL to judge; default: that of the database's address.",
)
@click.option("--format", "form", type=click.Choice(["text", "json", "github", "sarif"]), default="text")
@click.option("--json", "as_json", is_flag=True, help="As --format json; --schema prints the schema of it.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --json, and do nothing else.")
@click.pass_obj
def check(  # noqa: PLR0913  # its options
    stop: Stop,
    *,
    since: str,
    dialect: str | None,
    form: Literal["text", "json", "github", "sarif"],
    as_json: bool,
    schema: bool,
) -> int:
    """Check settings, app and migrations without a database: list faults and dangerous operations."""
    from orchestrator.people import check as command

    if schema:
        return _print(command.schema())
    return command.check(stop, "json" if as_json else form, dialect=dialect or "", since=since)


@click.command(cls=Printer)
@click.argument("topic", default="")
def explain(topic: str) -> int:
    """Print the section of the runbook about TOPIC: an exit code, an event or an alarm. Without TOPIC, list them."""
    from orchestrator.people.explain import explain as section

    try:
        return _print(section(topic))
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="TOPIC") from None


_FILE = click.Path(dir_okay=False, exists=True, allow_dash=True, path_type=Path)


@click.command(cls=Printer)
@click.option("--format", "form", type=click.Choice(["markdown", "json", "schema"]), default="markdown")
def events(form: Literal["markdown", "json", "schema"]) -> int:
    """Print the catalogue of events as Markdown, as JSON, or as the JSON Schema of a log line."""
    from orchestrator.documentation.manual import catalogue

    return _print(catalogue(form))


@click.command(cls=Printer)
@click.option("--format", "form", type=click.Choice(["yaml", "json", "terraform"]), default="yaml")
def cloudwatch(form: Literal["yaml", "json", "terraform"]) -> int:
    """Print a CloudFormation template, or a Terraform module: log group, filters, alarms, queries, dashboard."""
    from orchestrator.cloudwatch import template, terraform

    return _print(terraform.render() if form == "terraform" else template.render(form))


@click.command("filter", cls=Printer)
@click.argument("pattern")
@click.argument("file", type=_FILE, default="-")
def filter_(pattern: str, file: Path) -> int:
    """Print the log lines of FILE (or standard input) that a CloudWatch JSON filter PATTERN matches."""
    _need("lark", "re2")
    from orchestrator.cloudwatch.filtering import print_matches

    return print_matches(pattern, file)


@click.command(cls=Printer)
@click.argument("file", type=_FILE, default="-")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this SVG file instead.",
)
def timeline(file: Path, svg: Path | None) -> int:
    """Draw the starts found in the log lines of FILE (or standard input), one lane per task."""
    _need("ijson")
    from orchestrator.timeline import draw

    return draw(file, svg)


PRINTERS = (status, plan, check, explain, events, cloudwatch, filter_, timeline)


def _need(*modules: str) -> None:
    """Raise ClickException, in one line, if a module of the extra `tools` is missing."""
    if sentence := missing(*modules):
        raise click.ClickException(sentence)


def _print(text: str) -> int:
    sys.stdout.write(text)
    return EXIT_OK
