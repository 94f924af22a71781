"""The program and the commands of a container, one function each; those that only print are in `printers.py`.

Each imports what it needs when it runs, so that the others start faster.
"""

import os
import sys
from typing import Any

import click

from orchestrator.command_line.commands import Commands, Described, Tool
from orchestrator.errors import EXIT_OK, EXIT_USAGE
from orchestrator.extras import DISTRIBUTION
from orchestrator.runtime.stop import Stop
from orchestrator.runtime.task import Task
from orchestrator.serving import probe as health


class _Program(Commands):
    """The commands. Those that print are imported when one of them, or the list of all, is asked for."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name."""
        if cmd_name not in self.commands:
            self._add_printers()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names."""
        self._add_printers()
        return super().list_commands(ctx)

    def _add_printers(self) -> None:
        from orchestrator.command_line.printers import PRINTERS

        for printer in PRINTERS:
            self.add_command(printer)


@click.group(cls=_Program, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
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


def _run(task: Task, stop: Stop) -> int:
    from orchestrator.start.process import run as carry_out

    return carry_out(task, stop)


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
