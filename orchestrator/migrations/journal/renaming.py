"""Whether a statement that renames several tables was carried out, judged by which names there are now.

Definitions do not tell: when two tables that are defined alike change places, each name has the definition that it had.
"""

import itertools
import re
from collections.abc import Mapping, Sequence


def carried_out(moves: Sequence[tuple[str, str]], before: Mapping[str, str], now: Mapping[str, str]) -> bool | None:
    """Whether all of it was; None when nothing tells, or only a part was.

    Args:
        moves: From and to, in their order.
        before: The definitions by name, empty where there was none.
        now: The same now.
    """
    there, here = _presence(before), _presence(now)
    if any(there[one] == there[other] and _alike(one, other) for one, other in itertools.permutations(there, 2)):
        return None
    expected = dict(there)
    for source, target in moves:
        expected[_key(source)], expected[_key(target)] = False, True
    if expected == there or here not in (expected, there):
        return None
    return here == expected


def _presence(definitions: Mapping[str, str]) -> dict[str, bool]:
    return {_key(name): bool(definition) for name, definition in definitions.items()}


def _key(name: str) -> str:
    """A name without its kind and its quotes."""
    return re.sub(r"[`\s]", "", name.partition(" ")[2])


def _alike(one: str, other: str) -> bool:
    """Whether two names may stand for one table: in another case, or with and without the database."""
    one, other = one.casefold(), other.casefold()
    return one == other or ("." not in other and one.endswith(f".{other}"))
