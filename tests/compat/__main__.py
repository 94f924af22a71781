"""Run the tests with each version of the libraries that pyproject.toml allows, in separate environments.

    python -m tests.compat                                  # the lowest of all, with few tests: as .ci/run does
    python -m tests.compat lowest highest
    python -m tests.compat alembic uvicorn                  # each minor version of these; `all` for all libraries
    python -m tests.compat uvicorn==0.30.6 'alembic==1.15.2 sqlalchemy==2.0.36'

An environment is that of the lock, with these versions instead of the locked ones.
"""

import sys
import time
from collections.abc import Sequence

from tests.compat.environments import FEW_TESTS, HIGHEST, LOWEST, TESTS, Environment
from tests.compat.versions import LIBRARIES, every_minor


def main(arguments: list[str]) -> int:
    """Run them one after the other; returns how many failed."""
    names = [LOWEST, HIGHEST, *LIBRARIES] if arguments == ["all"] else arguments or [LOWEST]
    wanted = [each for name in names for each in (every_minor(name) if name in LIBRARIES else [name])]
    failed = [each for each in wanted if not _passes(each, TESTS if arguments else FEW_TESTS)]
    print(f"{len(wanted) - len(failed)} of {len(wanted)} passed", *failed, sep="\n  ")
    return len(failed)


def _passes(name: str, files: Sequence[str]) -> bool:
    began = time.monotonic()
    with Environment(name) as environment:
        output = environment.test(*files)
    seconds = f"{time.monotonic() - began:.0f} s"
    print(f"{'FAILED' if output else 'passed'}  {name}  {seconds}", flush=True)
    if output:
        print(output, flush=True)
    return not output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
