"""How many files a reader opens to follow one thing through the code, and how often the path moves between them.

    python -m benchmarks.paths [--url mysql+asyncmy://user:password@host/name]

Four paths: one setting, one event, MySQL's error 1045, and one DDL statement of a revision (with `--url` only). A move
is a call into another file of the package, or the return from it.
"""

import argparse
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

_OUTPUT = sys.stdout  # before the log replaces it
_PACKAGE = f"{os.sep}orchestrator{os.sep}"
_ENV = """
import os
from sqlalchemy import create_engine
from alembic import context
engine = create_engine(os.environ["DATABASE_URL"])
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
_REVISION = """
from alembic import op
revision, down_revision = "a", None
def upgrade():
    import sys
    sys.path.insert(0, {here!r})
    from paths import report, traced
    for name in ("paths_first", "paths_second"):  # what is made at its first use does not count
        op.execute("CREATE TABLE " + name + " (id INTEGER PRIMARY KEY)")
    with traced() as seen:
        op.execute("CREATE TABLE paths_t (id INTEGER PRIMARY KEY)")
    report("one DDL statement", seen, sys.stderr)
    op.execute("DROP TABLE paths_t")
    op.execute("DROP TABLE paths_first")
    op.execute("DROP TABLE paths_second")
"""


@contextlib.contextmanager
def traced() -> Iterator[list[str]]:
    """Collect the file of each call and return inside the package, in this thread."""
    seen: list[str] = []

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        name = frame.f_code.co_filename
        if event in {"call", "return"} and _PACKAGE in name and "benchmarks" not in name:
            back = frame.f_back.f_code.co_filename if frame.f_back else ""
            at = name if event == "call" else back
            if _PACKAGE in at:
                seen.append(at.rpartition(_PACKAGE)[2])

    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(None)


def length_of(seen: list[str]) -> tuple[int, int]:
    """Return the number of files, and of moves between them."""
    return len(set(seen)), sum(first != second for first, second in itertools.pairwise(seen))


def report(title: str, seen: list[str], to: Any = None) -> None:
    """Print the number of files and of moves, and the files in the order of their first use."""
    files, moves = length_of(seen)
    (to or _OUTPUT).write(f"{title}: {files} files, {moves} moves: {', '.join(dict.fromkeys(seen))}\n")


def setting() -> None:
    """Read all settings, with one of them set."""
    from orchestrator.settings.validation import load

    load({"ORCHESTRATOR_HEARTBEAT_SECONDS": "7", "DATABASE_URL": "sqlite+aiosqlite:///x.db"})


def event() -> None:
    """Write an event as a line of the log."""
    from orchestrator import log
    from orchestrator.events import StopRequested

    log.log_event(StopRequested(signal="SIGTERM"))


def refusal() -> None:
    """Understand MySQL's error 1045."""
    import pymysql
    from sqlalchemy.engine import make_url

    from orchestrator.databases import backend_for

    error = pymysql.err.OperationalError(1045, "Access denied for user 'app'@'10.0.0.1' (using password: YES)")
    backend_for("mysql").diagnose(error, make_url("mysql+pymysql://app:x@db/shop"))


def _measure(title: str, work: Callable[[], None]) -> None:
    work()  # imports do not count
    with traced() as seen:
        work()
    report(title, seen)


def _ddl(url: str) -> None:
    """Run a migration with one traced statement, as `orchestrator migrate` runs it."""
    with tempfile.TemporaryDirectory() as directory:
        versions = Path(directory, "alembic", "versions")
        versions.mkdir(parents=True)
        Path(directory, "alembic.ini").write_text("[alembic]\nscript_location = alembic\n", encoding="utf-8")
        (versions.parent / "env.py").write_text(_ENV, encoding="utf-8")
        (versions / "a.py").write_text(_REVISION.format(here=str(Path(__file__).parent)), encoding="utf-8")
        variables = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(Path.cwd())}
        command = [sys.executable, "-m", "orchestrator", "migrate"]
        done = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, check=False)
    found = [line for line in (done.stderr + done.stdout).splitlines() if "one DDL statement: " in line]
    text = found[0][found[0].index("one DDL") :].partition('"')[0] if found else done.stdout + done.stderr
    _OUTPUT.write(text + "\n")


def main() -> None:
    """Measure all paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="", help="a database of MySQL or MariaDB for the DDL statement")
    options = parser.parse_args()
    from orchestrator import log

    log.configure()
    _measure("one setting", setting)
    _measure("one event", event)
    _measure("MySQL error 1045", refusal)
    if options.url:
        _ddl(options.url)


if __name__ == "__main__":
    main()
