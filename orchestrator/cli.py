"""The commands, one function each. Whatever a command needs is imported when it runs, not before."""

import sys
from typing import Any

import click

from orchestrator.errors import EXIT_OK, EXIT_USAGE
from orchestrator.stop import Stop


class _WithVariables(click.Command):
    """A command whose help ends with the environment variables that it reads."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them, from the settings themselves."""
        from orchestrator.manual import variables

        super().format_epilog(ctx, formatter)
        with formatter.section("Environment"):
            formatter.write_dl([(row.name, row.sentence) for row in variables()])


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="orchestrator")
@click.pass_context
def cli(context: click.Context) -> None:
    """Wait for the database, migrate it safely, serve the app: the entrypoint of a container.

    Without a command: serve. Settings are environment variables; each command's --help lists them.
    """
    if context.invoked_subcommand is None:
        context.invoke(serve)


@cli.command(cls=_WithVariables)
@click.pass_obj
def serve(stop: Stop) -> int:
    """Wait for the database, migrate it, serve the ASGI app in the same event loop."""
    return _run("serve", stop)


@cli.command(cls=_WithVariables)
@click.pass_obj
def migrate(stop: Stop) -> int:
    """Wait, migrate, exit: the one-off task of a pipeline."""
    return _run("migrate", stop)


@cli.command(cls=_WithVariables)
@click.pass_obj
def wait(stop: Stop) -> int:
    """Wait for the database, exit."""
    return _run("wait", stop)


def _run(command: str, stop: Stop) -> int:
    from orchestrator.process import run

    return run(command, stop)


def main(arguments: list[str], stop: Stop) -> int:
    """Carry out the command line; returns the exit code. An error of usage is one line on stderr."""
    try:
        result: Any = cli.main(arguments, prog_name="orchestrator", standalone_mode=False, obj=stop)
    except click.ClickException as error:
        sys.stderr.write(f"orchestrator: {' '.join(error.format_message().split())} (see orchestrator --help)\n")
        return EXIT_USAGE
    return result if isinstance(result, int) else EXIT_OK
