"""What one process was asked to do."""

from dataclasses import dataclass
from typing import Literal

Name = Literal["serve", "migrate", "wait", "run"]


@dataclass(frozen=True)
class Task:
    """A command with its arguments.

    Attributes:
        name: The command.
        to_head: For `wait`: until the database is at head, not only until it answers.
        argv: For `run`: the program that takes this process's place, and its arguments.
    """

    name: Name
    to_head: bool = False
    argv: tuple[str, ...] = ()

    @property
    def must_reach_target(self) -> bool:
        """Whether it has failed when it is stopped before: nothing else is what it is for."""
        return self.name in {"migrate", "wait"}
