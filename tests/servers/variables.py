"""The variables that say what the tests run on, read once.

Afterwards they are taken out of the environment: to the product an ORCHESTRATOR_* variable that it does
not know is a fault, and so it shall be in tests.
"""

import os

_PREFIX = "ORCHESTRATOR_TEST_"
_GIVEN = {name: value for name, value in os.environ.items() if name.startswith(_PREFIX) and value}


def given(name: str) -> str | None:
    """Return ORCHESTRATOR_TEST_<name>, or nothing when it is not set or empty."""
    return _GIVEN.get(_PREFIX + name)
