"""The variables that configure the test servers, read once.

They are then removed from the environment, because an unknown ORCHESTRATOR_* variable is a fault for the product, in
tests too.
"""

import os

_PREFIX = "ORCHESTRATOR_TEST_"
_GIVEN = {name: value for name, value in os.environ.items() if name.startswith(_PREFIX) and value}


def given(name: str) -> str | None:
    """Return ORCHESTRATOR_TEST_<name>, or nothing when it is not set or empty."""
    return _GIVEN.get(_PREFIX + name)
