"""What the first request would do for the whole process is done before it."""

import inspect
import re
import sys
import tokenize
from types import ModuleType
from unittest.mock import patch

import pytest

from orchestrator.serving import first_request


def test_reading_source_compiles_nothing_more() -> None:
    """FastAPI reads that of an endpoint in its first request, which took 2 ms longer than the next ones."""
    re.purge()
    if remembered := getattr(tokenize, "_compile", None):
        remembered.cache_clear()
    with patch.dict(sys.modules, {"fastapi": ModuleType("fastapi")}):
        first_request.prepare()
    with patch("re._compiler.compile", side_effect=AssertionError("too late")):
        assert inspect.getsourcelines(test_reading_source_compiles_nothing_more)[1]


@pytest.mark.parametrize("modules", [{}, {"fastapi": ModuleType("fastapi")}], ids=["another framework", "no source"])
def test_nothing_is_done_in_vain(modules: dict[str, ModuleType]) -> None:
    """Other frameworks do not read source; and where there is none to read, the app is served all the same."""
    others = {name: module for name, module in sys.modules.items() if name != "fastapi"}
    with patch.dict(sys.modules, {**others, **modules}, clear=True), patch("inspect.getsourcelines") as read:
        read.side_effect = OSError
        first_request.prepare()
    assert read.called is bool(modules)
