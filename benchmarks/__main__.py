"""Measure the orchestrator beside what people would use instead; all rows take turns, round by round, in one run.

    make bench [ARGS="--rows 1,3 --rounds 5"]

A whole run writes benchmarks/results.json and redraws docs/benchmarks.md and docs/benchmarks.svg. A run of some rows
prints them only; with `--merge` it replaces these rows in the files.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from benchmarks import conditions, page, picture, results
from benchmarks.registry import GROUPS, chosen
from benchmarks.results import Missing
from benchmarks.rounds import take_turns
from benchmarks.row import Group, Result

_BUSY = """\
THE MACHINE IS NOT QUIET: others use {share:.0%} of it, more than {limit:.0%}: such figures mean little.
"""


def main() -> None:
    """Check the machine, measure, print, and write if the run is a whole one."""
    options = _options()
    busy = conditions.others_now()
    if busy > conditions.QUIET:
        print(_BUSY.format(share=busy, limit=conditions.QUIET), file=sys.stderr, flush=True)
        if not options.loaded:
            raise SystemExit("Nothing was measured. Wait, or accept such figures: ARGS=--loaded")
    groups, missing = _present(chosen(options.rows), options.rows)
    others, began = conditions.Others(), time.monotonic()
    found, failed = take_turns(groups, options.rounds)
    about = _about(options.rounds, busy, others.share(), time.monotonic() - began)
    wanted = [each for each in found if not options.rows or each.row.number in options.rows]
    missing += [Missing(row.number, row.what, f"failed: {each.error}") for each in failed for row in each.group.rows]
    _print(wanted, missing, about)
    if options.write:
        results.write(about, wanted, missing, merge=bool(options.rows))
        page.write(results.read())
        picture.write(results.read())
    raise SystemExit(1 if failed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=_numbers, default=frozenset(), help="their numbers, joined by commas; else all")
    parser.add_argument("--rounds", type=int, default=9, help="slow rows take fewer")
    parser.add_argument("--loaded", action="store_true", help="measure although others use the machine")
    parser.add_argument("--merge", action="store_true", help="with --rows: replace these rows in the files")
    parser.add_argument("--dry", action="store_true", help="write no files")
    options = parser.parse_args()
    options.write = (options.merge or not options.rows) and not options.dry
    return options


def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split(",")))


def _present(groups: Mapping[str, Group], asked: frozenset[int]) -> tuple[dict[str, Group], list[Missing]]:
    """Tell the groups that can be measured here from those that cannot."""
    lacks = {name: [each for each in group.programs if not shutil.which(each)] for name, group in groups.items()}
    missing = [
        Missing(row.number, row.what, f"not installed: {', '.join(lacks[name])}")
        for name, group in groups.items()
        if lacks[name]
        for row in group.rows
    ]
    left = [row for name, group in GROUPS.items() if name not in groups for row in group.rows]
    missing += [Missing(row.number, row.what, _PARTLY if asked else _ASK.format(row.number)) for row in left]
    return {name: group for name, group in groups.items() if not lacks[name]}, missing


_ASK = 'it takes minutes: `make bench ARGS="--rows {} --merge"`'
_PARTLY = "only some rows were measured"


def _about(rounds: int, before: float, during: float, seconds: float) -> dict[str, object]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": conditions.commit(),
        "machine": conditions.machine(),
        "versions": conditions.versions(),
        "others": {"before": round(before, 3), "during": round(during, 3)},
        "rounds": rounds,
        "seconds": round(seconds),
    }


def _print(found: Sequence[Result], missing: Sequence[Missing], about: dict[str, object]) -> None:
    print("\n".join(page.lines([results.record(each) for each in found])))
    for each in [each for each in missing if each.reason != _PARTLY]:
        print(f"{each.number:>3} not run: {each.what}: {each.reason}")
    print(f"\n{about['seconds']} s, others used {about['others']} of the machine")


if __name__ == "__main__":
    main()
