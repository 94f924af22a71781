"""A forked start is what a new interpreter is: nothing of the product was fixed when its modules were imported."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

from tests.harness import Project, run

_READERS = """
import contextlib, importlib, os, sys, time
from tests.harness.forking import LIBRARIES, of_the_product

for library in LIBRARIES:
    with contextlib.suppress(ImportError):
        importlib.import_module(library)
for module in [name for name in sys.modules if name.partition(".")[0] == "orchestrator"]:
    del sys.modules[module]  # Alembic has imported its plug-in

def noting(function):
    def noted(*arguments, **keywords):
        if (name := sys._getframe(1).f_globals["__name__"]).partition(".")[0] == "orchestrator":
            readers.add(name)
        return function(*arguments, **keywords)
    return noted

readers = set()
for name in ("get", "__getitem__", "__contains__", "__iter__"):
    setattr(os._Environ, name, noting(getattr(os._Environ, name)))
for module, name in ((os, "getcwd"), (os, "getpid"), (time, "monotonic"), (time, "time"), (time, "time_ns")):
    setattr(module, name, noting(getattr(module, name)))
for module in of_the_product():
    importlib.import_module(module)
print(*sorted(readers))
"""


def test_no_module_reads_the_environment_or_the_clock_when_it_is_imported() -> None:
    """Except for the two that `begin_again` resets; any other would keep what it read before the fork."""
    command = (sys.executable, "-c", _READERS)
    readers = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    assert readers.split() == ["orchestrator.began", "orchestrator.log.context"]


async def test_each_start_has_its_own_beginning(project: Project) -> None:
    """Its id, and the clock of its lines."""
    one, two = [(await run("migrate", cwd=project.path)).events[0] for _ in range(2)]
    assert one["boot_id"] < two["boot_id"]
    between = datetime.fromisoformat(two["timestamp"]) - datetime.fromisoformat(one["timestamp"])
    assert 0 < two["elapsed_seconds"] < between.total_seconds()
