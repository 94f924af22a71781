"""The commands, one function each. Whatever a command needs is imported when it runs, not before."""

import errno
import os
import signal
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import click

from orchestrator import probe as health
from orchestrator.errors import EXIT_OK, EXIT_USAGE
from orchestrator.extras import DISTRIBUTION, missing
from orchestrator.signals import default_actions
from orchestrator.stop import Stop
from orchestrator.task import Task


class _WithVariables(click.Command):
    """A command whose help ends with the environment variables that it `reads`; without a list, all of them."""

    def __init__(self, *args: Any, reads: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reads = reads

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them, from the settings themselves."""
        from orchestrator.manual import variables

        super().format_epilog(ctx, formatter)
        with formatter.section("Environment"):
            read = [row for row in variables() if not self._reads or row.name in self._reads]
            formatter.write_dl([(row.name, row.sentence) for row in read])


class _Tool(click.Command):
    """A command for people: Ctrl-C ends it, and so does the end of whoever reads its output, as `| head` does."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it with the signals' default actions; the process began by remembering SIGTERM and SIGINT for later."""
        with default_actions(signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            return super().invoke(ctx)


class _Printer(_Tool):
    """A tool whose output is what it is for."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; output that cannot be written is an error in one line."""
        try:
            if sys.stdout is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # noqa: TRY301  # as a write to it would
            with default_actions(signal.SIGPIPE):
                result = super().invoke(ctx)
                sys.stdout.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python would try again at its exit
            raise click.ClickException(f"the output cannot be written: {error.strerror or error}") from None
        return result


class _ToolWithVariables(_Tool, _WithVariables):
    """Both."""


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=DISTRIBUTION)
@click.pass_context
def cli(context: click.Context) -> int | None:
    """Wait for the database, migrate it safely, serve the app: the entrypoint of a container.

    Without a command: serve. Settings are environment variables; each command's --help lists them.
    """
    if context.invoked_subcommand is None:
        return int(context.invoke(serve))
    return None


@cli.command(cls=_WithVariables)
@click.pass_obj
def serve(stop: Stop) -> int:
    """Wait for the database, migrate it, serve the ASGI app in the same process."""
    return _run(Task("serve"), stop)


@cli.command(cls=_WithVariables)
@click.pass_obj
def migrate(stop: Stop) -> int:
    """Wait, migrate, exit: the one-off task of a pipeline."""
    return _run(Task("migrate"), stop)


@cli.command(cls=_WithVariables)
@click.option("--head", is_flag=True, help="Until the database is at head, not only until it answers.")
@click.pass_obj
def wait(stop: Stop, *, head: bool) -> int:
    """Wait for the database, exit."""
    return _run(Task("wait", to_head=head), stop)


@cli.command(cls=_WithVariables, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(stop: Stop, command: tuple[str, ...]) -> int:
    """Wait, migrate, then become COMMAND: gunicorn, uvicorn with workers or reload, celery, any program.

    With ORCHESTRATOR_MIGRATE=false it waits until the database is at head. The port answers until then if PORT is set.
    """
    return _run(Task("run", argv=command), stop)


# ---------------------------------------------------------------- for the image: its build and its health check


_READ_BY_FREEZE = ("ORCHESTRATOR_ALEMBIC_CONFIG", "ORCHESTRATOR_TARGET")


@cli.command(cls=_ToolWithVariables, reads=_READ_BY_FREEZE)
def freeze() -> int:
    """Write down the migrations beside their scripts, when an image is built: a start at head then needs no Alembic.

    Exit code 0: written, or a line on stderr says why these scripts cannot be; 1: the file cannot be written; 9: the
    scripts are of no use.
    """
    from orchestrator.migrations.scripts.freeze import freeze as run

    return run({name: os.environ[name] for name in _READ_BY_FREEZE if name in os.environ})


def _timeout(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    try:
        return health.seconds(text)
    except ValueError:
        raise click.BadParameter(f"{text} is not above 0 and at most {health.LONGEST_SECONDS:g} seconds") from None


@cli.command(cls=_ToolWithVariables, reads=health.DEFAULTS)
@click.option("--live", is_flag=True, help="Is it alive? Without this: does it serve?")
@click.option(
    "--timeout",
    default=f"{health.TIMEOUT_SECONDS:g}",
    show_default=True,
    metavar="SECONDS",
    callback=_timeout,
    help="How long all of it may take.",
)
def probe(*, live: bool, timeout: float) -> int:
    """Ask this container's own port: its health check.

    Exit code 0: it is healthy; 1: it is not, and a line on stderr says why.
    """
    return health.main(os.environ, live=live, timeout_seconds=timeout)


# ---------------------------------------------------------------- for people: they read, print and end

_FILE = click.Path(dir_okay=False, exists=True, allow_dash=True, path_type=Path)


@cli.command(cls=_Printer)
@click.option("--format", "form", type=click.Choice(["markdown", "json", "schema"]), default="markdown")
def events(form: Literal["markdown", "json", "schema"]) -> int:
    """Print the catalogue of events: for people, for programs, or as the JSON Schema of a line."""
    from orchestrator.manual import catalogue

    return _print(catalogue(form))


@cli.command(cls=_Printer)
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml")
def cloudwatch(form: Literal["yaml", "json"]) -> int:
    """Print CloudFormation made from the catalogue: log group, metric filters, alarms, saved queries, dashboard."""
    from orchestrator.cloudwatch.template import render

    return _print(render(form))


@cli.command("filter", cls=_Printer)
@click.argument("pattern")
@click.argument("file", type=_FILE, default="-")
def filter_(pattern: str, file: Path) -> int:
    """Print the log lines of FILE (or standard input) that a CloudWatch JSON filter PATTERN matches.

    Exit code 0: some lines matched; 1: none did; 64: the pattern is invalid.
    """
    _need("lark", "re2")
    from orchestrator.cloudwatch.filtering import print_matches

    return print_matches(pattern, file)


@cli.command(cls=_Printer)
@click.argument("file", type=_FILE, default="-")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw into this file instead.")
def timeline(file: Path, svg: Path | None) -> int:
    """Draw the starts that the log lines of FILE (or standard input) tell of, one lane a task."""
    _need("ijson")
    from orchestrator.timeline import draw

    return draw(file, svg)


def _run(task: Task, stop: Stop) -> int:
    from orchestrator.process import run as carry_out

    return carry_out(task, stop)


def _need(*modules: str) -> None:
    """Say which module of the extra `tools` is missing, as an error in one line."""
    if sentence := missing(*modules):
        raise click.ClickException(sentence)


def _print(text: str) -> int:
    sys.stdout.write(text)
    return EXIT_OK


def _of_a_start(error: click.ClickException) -> bool:
    """Whether a platform started it, which looks for a last event: not a person at one of the tools."""
    context = getattr(error, "ctx", None)
    return context is not None and context.command in {serve, migrate, wait, run}


def _refuse(message: str) -> int:
    from orchestrator.early_endings import refuse_usage

    return refuse_usage(message)


def main(arguments: list[str], stop: Stop) -> int:
    """Carry out the command line; returns the exit code. An error of usage is one line on stderr."""
    try:
        result: Any = cli.main(arguments, prog_name="orchestrator", standalone_mode=False, obj=stop)
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        sys.stderr.write(f"orchestrator: {message} (see orchestrator --help)\n")
        return _refuse(message) if _of_a_start(error) else EXIT_USAGE
    return result if isinstance(result, int) else EXIT_OK
