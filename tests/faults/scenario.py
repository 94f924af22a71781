"""What happens in a run, and how it went."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.faults.dice import dice
from tests.faults.faults import FAULTS, Fault
from tests.faults.generator import Plan, Tree, draw_plan, make_tree

_MOST_BYTES = 600  # after a mark: some statements more, and their answers
_MOST_FIRST_BYTES = 8000  # of a start: logging in, looking, the lock, the journal, the first statements
_MOST_BYTES_OF_A_DEFINITION = 250  # and its answer
_AT_THE_FIRST_BYTES, _IN_A_DEFINITION = 0.2, 0.4  # of the faults strike there

DEFINITION = r"[\x00\x03]\s*(?:CREATE|ALTER|DROP|RENAME|TRUNCATE) "
"""How a statement that changes the schema begins, in the protocols of both families."""


@dataclass(frozen=True)
class Strike:
    """A fault, and when it strikes.

    Attributes:
        mark: Once this passes to the server; empty: once anything does.
        then: On a network, once that too passes, a regular expression.
        then_bytes: On a network, so many bytes later.
    """

    fault: Fault
    mark: str
    then: str = ""
    then_bytes: int = 0


@dataclass(frozen=True)
class Scenario:
    """A scenario; all unset parts follow from the seed.

    Attributes:
        strikes: In sequence.
        replicas: How many processes start at once; each is started again until its work is done.
    """

    seed: str
    backend: str
    tree: Tree
    strikes: Sequence[Strike]
    replicas: int = 1

    @classmethod
    def drawn(cls, seed: str, backend: str) -> "Scenario":
        """Choose at random one to three faults, their moments, and one to three replicas."""
        random = dice("scenario", seed)
        possible = [fault for fault in FAULTS.values() if backend in fault.backends]
        faults = random.choices(possible, k=random.choice([1, 1, 1, 2, 2, 3]))
        plan = draw_plan(seed, backend, sorted({fault.at for fault in faults if fault.at}))
        tree = make_tree(seed, backend, plan)
        when = {mark: moment for moment, mark in enumerate(tree.marks)}
        strikes = [_strike(fault, tree, random) for fault in faults]
        strikes.sort(key=lambda strike: when.get(strike.mark, random.randrange(len(when))))
        return cls(seed, backend, tree, strikes, random.choice([1, 1, 2, 3]))

    @classmethod
    def named(cls, fault: str, backend: str, plan: Plan, at: str, replicas: int = 1) -> "Scenario":
        """Let one fault strike at a habit of a plan."""
        tree = make_tree("named", backend, plan)
        strike = Strike(FAULTS[fault], tree.mark_of[FAULTS[fault].at or at])
        return cls(fault, backend, tree, [strike], replicas)


def _strike(fault: Fault, tree: Tree, random: Random) -> Strike:
    if fault.at:
        return Strike(fault, tree.mark_of[fault.at])
    if random.random() < _AT_THE_FIRST_BYTES:
        return Strike(fault, "", then_bytes=random.randrange(_MOST_FIRST_BYTES))
    mark = random.choice(tree.marks)
    if random.random() < _IN_A_DEFINITION:
        return Strike(fault, mark, DEFINITION, random.randrange(_MOST_BYTES_OF_A_DEFINITION))
    return Strike(fault, mark, then_bytes=random.choice([0, random.randrange(_MOST_BYTES)]))


@dataclass
class Outcome:
    """The outcome of a run.

    Attributes:
        struck: The faults that had an effect.
        missed: Those that came too late.
        starts: How many processes were started.
        again: Whether some had to be started again.
        interrupted: How many of them waited for the database in the middle of a migration, and went on.
        resumed: How many of them continued in the middle of a revision.
        refused: Whether it had to stay unfinished.
    """

    backend: str
    struck: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    starts: int = 0
    again: bool = False
    interrupted: int = 0
    resumed: int = 0
    refused: bool = False
