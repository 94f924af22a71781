"""The task of a process: a command and its arguments."""

from typing import Literal, NamedTuple

Name = Literal["serve", "migrate", "wait", "run"]


class Task(NamedTuple):
    """A command with its arguments.

    Attributes:
        name: The command.
        to_head: For `wait`: until the database is at head, not only until it answers.
        argv: For `run`: the program that replaces this process, and its arguments.
    """

    name: Name
    to_head: bool = False
    argv: tuple[str, ...] = ()

    @property
    def must_reach_target(self) -> bool:
        """Return whether a stop before the target counts as a failure: true for commands whose only purpose it is."""
        return self.name in {"migrate", "wait"}
