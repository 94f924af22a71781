"""What the commands have in common: signals, output, and the variables in their help."""

import errno
import os
import signal
import sys
from collections.abc import Collection
from typing import Any

import click

from orchestrator.signals import default_actions


class WithVariables(click.Command):
    """A command whose help lists the environment variables whose names begin with one of `reads`, or all."""

    def __init__(self, *args: Any, reads: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reads = reads

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Append the variables, generated from the settings."""
        from orchestrator.manual import variables

        super().format_epilog(ctx, formatter)
        with formatter.section("Environment"):
            read = [row for row in variables() if not self._reads or row.name.startswith(tuple(self._reads))]
            formatter.write_dl([(row.name, row.sentence) for row in read])


class Tool(click.Command):
    """A command for people: Ctrl-C ends it, and so does a closed pipe (`| head`)."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command with the default signal actions: at first the process only records SIGTERM and SIGINT."""
        with default_actions(signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            return super().invoke(ctx)


class Printer(Tool):
    """A tool whose purpose is its output."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; report output that cannot be written in one line."""
        try:
            if sys.stdout is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # noqa: TRY301  # as a write to it would
            with default_actions(signal.SIGPIPE):
                result = super().invoke(ctx)
                sys.stdout.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # otherwise Python would flush again at exit, and fail again
            raise click.ClickException(f"the output cannot be written: {error.strerror or error}") from None
        return result


class ToolWithVariables(Tool, WithVariables):
    """A tool whose help lists the variables that it reads."""


class PrinterWithVariables(Printer, WithVariables):
    """A printer whose help lists the variables that it reads."""
