"""Takes turns: one round of each group after the other, so that a slow minute of the machine slows all of them."""

import contextlib
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.row import Group, Result, Samples


@dataclass(frozen=True)
class Failed:
    """A group that could not be measured to its end."""

    group: Group
    error: Exception


def take_turns(groups: Mapping[str, Group], rounds: int) -> tuple[list[Result], list[Failed]]:
    """Measure the groups; one that fails does not end the others."""
    failed: dict[str, Failed] = {}
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in groups}
    with Bench() as bench, contextlib.ExitStack() as exits:
        running = {
            name: exits.enter_context(contextlib.closing(group.measure(bench))) for name, group in groups.items()
        }
        for number in range(rounds):
            for name in [name for name in groups if name not in failed and _takes_part(groups[name], number, rounds)]:
                try:
                    _add(samples[name], _one(name, running[name], f"{number + 1} of {rounds}"))
                except Exception as error:  # noqa: BLE001  # the other rows are worth their minutes
                    failed[name] = Failed(groups[name], error)
    whole = [(name, group) for name, group in groups.items() if name not in failed]
    found = [row.result(samples[name]) for name, group in whole for row in group.rows]
    return sorted(found, key=lambda result: result.row.number), list(failed.values())


def _takes_part(group: Group, number: int, rounds: int) -> bool:
    """Spread the rounds of a group over those of the run."""
    wanted = min(group.rounds, rounds)
    return number in {each * rounds // wanted for each in range(wanted)}


def _one(name: str, running: Generator[Samples, None, None], which: str) -> Samples:
    began = time.monotonic()
    samples = next(running)
    print(f"round {which}, {name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    return samples


def _add(samples: dict[str, list[float]], more: Samples) -> None:
    for name, values in more.items():
        samples.setdefault(name, []).extend(values)
