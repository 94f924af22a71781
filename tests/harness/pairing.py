"""Parameters that are paired, not crossed: each value is tried, with one of the others or some of them.

    @pytest.mark.paired("database")
    @pytest.mark.parametrize("password", PASSWORDS)
    async def test_any_password_logs_in(database: Database, password: str) -> None:

With four databases and ten passwords these are ten tests; crossed they would be forty. For claims whose parameters
have nothing to do with each other.
"""

from collections import defaultdict
from collections.abc import Sequence

import pytest


def left_out(items: Sequence[pytest.Item]) -> set[pytest.Item]:
    """Return the tests that the marker `paired` makes superfluous."""
    functions: defaultdict[str, list[pytest.Function]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.nodeid):  # the pairs are the same in any order of the tests
        if isinstance(item, pytest.Function) and item.get_closest_marker("paired"):
            functions[item.nodeid.partition("[")[0]].append(item)
    return {item for group in functions.values() for item in group if not _is_a_pair(item, group)}


def _is_a_pair(item: pytest.Function, group: Sequence[pytest.Function]) -> bool:
    """Walk along the longer of the two lists, and again and again along the shorter one."""
    values, others = (list(dict.fromkeys(column)) for column in zip(*map(_split, group), strict=True))
    value, other = _split(item)
    one, two = values.index(value), others.index(other)
    return one % len(others) == two if len(values) > len(others) else two % len(values) == one


def _split(item: pytest.Function) -> tuple[str, str]:
    """Return the value of the parameter that is paired, and those of all others, as texts."""
    marker = item.get_closest_marker("paired")
    assert marker
    (name,) = marker.args
    params = dict(item.callspec.params)
    return repr(params.pop(name)), repr(params)
