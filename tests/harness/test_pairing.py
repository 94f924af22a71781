"""Paired parameters are each tried, and not each with each."""

import pytest

FEW, MANY = ["a", "b", "c"], range(7)


@pytest.mark.paired("few")
@pytest.mark.parametrize("many", MANY)
@pytest.mark.parametrize("few", FEW)
def test_each_value_is_tried_once_with_one_of_the_others(few: str, many: int) -> None:
    """The shorter list is begun again when it ends: seven tests, where there would be twenty-one."""
    assert few == FEW[many % 3]


def test_nothing_else_is_left_out(request: pytest.FixtureRequest) -> None:
    """All seven are there, if this file is run as a whole; one that is asked for by its name is always there."""
    named = [item.nodeid for item in request.session.items if "test_each_value_is_tried" in item.nodeid]
    assert len(named) in (0, 1, len(MANY))
