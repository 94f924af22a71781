"""The working directory, from which the project's modules are imported."""

import os
import sys
from pathlib import Path

import pytest

from orchestrator.runtime.import_path import import_from_working_directory


def test_a_directory_that_may_be_entered_but_not_listed_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rights may be 711; the start looks there for modules with the names of standard ones."""

    def refuse(_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(os, "scandir", refuse)
    import_from_working_directory()
    assert sys.path[0] == str(Path.cwd())
