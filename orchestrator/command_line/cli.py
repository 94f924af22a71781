"""The commands, one function each. Each imports what it needs when it runs, so that the others start faster."""

import os
import sys
from pathlib import Path
from typing import Any, Literal

import click

from orchestrator.command_line.commands import Commands, Described, Printer, Tool
from orchestrator.dialects import NAMES
from orchestrator.errors import EXIT_OK, EXIT_USAGE
from orchestrator.extras import DISTRIBUTION, missing
from orchestrator.runtime.stop import Stop
from orchestrator.runtime.task import Task
from orchestrator.serving import probe as health


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=DISTRIBUTION)
@click.pass_context
def cli(context: click.Context) -> int | None:
    """Wait for the database, migrate it safely, serve the app: the entrypoint of a container.

    The default command is serve. Settings are environment variables; the --help of each command lists them.
    """
    if context.invoked_subcommand is None:
        return int(context.invoke(serve))
    return None


@cli.command(cls=Described)
@click.pass_obj
def serve(stop: Stop) -> int:
    """Wait for the database, migrate it, then serve the ASGI app in the same process."""
    return _run(Task("serve"), stop)


@cli.command(cls=Described)
@click.pass_obj
def migrate(stop: Stop) -> int:
    """Wait for the database, migrate it, exit: for a one-off task in a pipeline."""
    return _run(Task("migrate"), stop)


@cli.command(cls=Described)
@click.option("--head", is_flag=True, help="Wait until the database is at head, not only until it answers.")
@click.pass_obj
def wait(stop: Stop, *, head: bool) -> int:
    """Wait until the database answers, then exit."""
    return _run(Task("wait", to_head=head), stop)


@cli.command(cls=Described, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(stop: Stop, command: tuple[str, ...]) -> int:
    """Wait, migrate, then become COMMAND: gunicorn, uvicorn with workers or reload, celery, or any other program.

    With ORCHESTRATOR_MIGRATE=false, wait until the database is at head instead of migrating. If PORT is set, the port
    answers the probes until COMMAND starts.
    """
    return _run(Task("run", argv=command), stop)


# ---------------------------------------------------------------- for the image: build and health check


_READ_BY_FREEZE = ("ORCHESTRATOR_ALEMBIC_CONFIG", "ORCHESTRATOR_TARGET")


@cli.command(cls=Tool)
def freeze() -> int:
    """Write a manifest of the migration scripts when the image is built: a start at head then needs no Alembic."""
    from orchestrator.migrations.scripts.freeze import freeze as run

    return run({name: os.environ[name] for name in _READ_BY_FREEZE if name in os.environ})


def _timeout(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    try:
        return health.seconds(text)
    except ValueError:
        raise click.BadParameter(f"{text} is not above 0 and at most {health.LONGEST_SECONDS:g} seconds") from None


@cli.command(cls=Tool)
@click.option("--live", is_flag=True, help="Check liveness instead of readiness.")
@click.option(
    "--timeout",
    default=f"{health.TIMEOUT_SECONDS:g}",
    show_default=True,
    metavar="SECONDS",
    callback=_timeout,
    help="Time limit for the whole check.",
)
def probe(*, live: bool, timeout: float) -> int:
    """Check the health of this container through its own port."""
    return health.main(os.environ, live=live, timeout_seconds=timeout)


# ---------------------------------------------------------------- for people: print something and exit


@cli.command(cls=Printer)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; --schema prints the schema of it.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --json, and do nothing else.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when a database is not at head.")
@click.pass_obj
def status(stop: Stop, *, as_json: bool, schema: bool, exit_code: bool) -> int:
    """Show where the database is, what ran when, what was interrupted and who holds the lock. Changes nothing."""
    from orchestrator.people import status as command

    return _print(command.schema()) if schema else command.status(stop, as_json=as_json, exit_code=exit_code)


@cli.command(cls=Printer)
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


@cli.command(cls=Printer)
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


@cli.command(cls=Printer)
@click.argument("topic", default="")
def explain(topic: str) -> int:
    """Print the section of the runbook about TOPIC: an exit code, an event or an alarm. Without TOPIC, list them."""
    from orchestrator.people.explain import explain as section

    try:
        return _print(section(topic))
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="TOPIC") from None


_FILE = click.Path(dir_okay=False, exists=True, allow_dash=True, path_type=Path)


@cli.command(cls=Printer)
@click.option("--format", "form", type=click.Choice(["markdown", "json", "schema"]), default="markdown")
def events(form: Literal["markdown", "json", "schema"]) -> int:
    """Print the catalogue of events as Markdown, as JSON, or as the JSON Schema of a log line."""
    from orchestrator.documentation.manual import catalogue

    return _print(catalogue(form))


@cli.command(cls=Printer)
@click.option("--format", "form", type=click.Choice(["yaml", "json", "terraform"]), default="yaml")
def cloudwatch(form: Literal["yaml", "json", "terraform"]) -> int:
    """Print a CloudFormation template, or a Terraform module: log group, filters, alarms, queries, dashboard."""
    from orchestrator.cloudwatch import template, terraform

    return _print(terraform.render() if form == "terraform" else template.render(form))


@cli.command("filter", cls=Printer)
@click.argument("pattern")
@click.argument("file", type=_FILE, default="-")
def filter_(pattern: str, file: Path) -> int:
    """Print the log lines of FILE (or standard input) that a CloudWatch JSON filter PATTERN matches."""
    _need("lark", "re2")
    from orchestrator.cloudwatch.filtering import print_matches

    return print_matches(pattern, file)


@cli.command(cls=Printer)
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


def _run(task: Task, stop: Stop) -> int:
    from orchestrator.start.process import run as carry_out

    return carry_out(task, stop)


def _need(*modules: str) -> None:
    """Raise ClickException, in one line, if a module of the extra `tools` is missing."""
    if sentence := missing(*modules):
        raise click.ClickException(sentence)


def _print(text: str) -> int:
    sys.stdout.write(text)
    return EXIT_OK


def _of_a_start(error: click.ClickException) -> bool:
    """Return whether the failed command writes a last event for the platform, unlike the tools for people.

    A command that does not exist may be a mistyped one of a task definition; a person at a terminal needs no event.
    """
    context = getattr(error, "ctx", None)
    if context is not None and context.command is cli:
        return not (sys.stdout and sys.stdout.isatty())
    return context is not None and context.command in {serve, migrate, wait, run}


def _refuse(message: str) -> int:
    from orchestrator.start.early_endings import refuse_usage

    return refuse_usage(message)


def main(arguments: list[str], stop: Stop) -> int:
    """Run the command line and return the exit code. A usage error is one line on stderr."""
    try:
        result: Any = cli.main(arguments, prog_name="orchestrator", standalone_mode=False, obj=stop)
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        context = error.ctx if isinstance(error, click.UsageError) else None
        more = f" (see {context.command_path} --help)" if context else ""
        sys.stderr.write(f"orchestrator: {message}{more}\n")
        return _refuse(message) if _of_a_start(error) else EXIT_USAGE
    return result if isinstance(result, int) else EXIT_OK
