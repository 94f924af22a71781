"""Shared by the commands: their help, signals and output."""

import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from orchestrator.errors import EXIT_USAGE
from orchestrator.patterns import pattern
from orchestrator.runtime.signals import default_actions
from orchestrator.settings.uvicorn_options import instead

if TYPE_CHECKING:
    from orchestrator.command_line.command_help import Help

_USAGE = "The command line is wrong; a line on stderr says what."
_SENTENCE = pattern(r".+?[.](?=\s|$)")


class Commands(click.Group):
    """The program: its help lists the commands by what they are for, each with a whole sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        from orchestrator.command_line.command_help import PURPOSES

        for purpose, names in PURPOSES.items():
            with formatter.section(purpose):
                formatter.write_dl([(name, _first_sentence(self.get_command(ctx, name))) for name in names])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command; an unknown one is answered with the one that is meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name.lower(), self.commands, n=1)
            meant = f" Did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"There is no command '{name}'.{meant or instead(name)}")
        return super().resolve_command(ctx, args)


def _first_sentence(command: click.Command | None) -> str:
    words = " ".join(((command and command.help) or "").split())
    found = _SENTENCE.match(words)
    return found[0] if found else words


class Described(click.Command):
    """A command whose help ends with its exit codes, the environment variables that it reads, and its page."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; an error leads to this command's help, and from an option of uvicorn to its variable."""
        extra = args[-1:]  # click empties the list
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            given = error.option_name if isinstance(error, click.NoSuchOption) else "".join(extra)
            if self.name == "serve" and (told := instead(given)):
                raise click.UsageError(f"{error.format_message().rstrip('.')}.{told}", ctx) from None
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Append what `command_help`, the failures and the settings know of it."""
        from orchestrator.command_line.command_help import HELP
        from orchestrator.documentation.manual import failures

        super().format_epilog(ctx, formatter)
        told, meanings = HELP[str(self.name)], failures()
        codes = {**told.codes} | {code: meanings[code] for code in told.failures} | {EXIT_USAGE: _USAGE}
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), codes[code]) for code in sorted(codes)])
        if rows := _variables(told):
            with formatter.section("Environment"):
                formatter.write_dl(rows)
        with formatter.section("Documentation"):
            formatter.write_text(f"docs/{told.page}")


def _variables(told: "Help") -> list[tuple[str, str]]:
    """Return the variables that a command reads, each with its meaning."""
    from orchestrator.documentation.manual import variables

    found = [row for row in variables() if row.name.startswith(tuple(told.reads)) and row.name not in told.but]
    return [(row.name, row.sentence) for row in found]


class Tool(Described):
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
