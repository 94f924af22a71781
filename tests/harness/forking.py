"""Starts of the product that begin with a fork, in a process of this program's own: see prepared.py.

It has imported the libraries and the product's modules. For each start it forks, and the child becomes what
`python -m orchestrator` is: its own pid, environment, directory, pipes and exit code. Most of the CPU time of a start
goes into these imports; thousands of starts in the tests do without. No module of the product may read the
environment or the time when it is imported, but for those that `begin_again` resets: test_forking.py.
"""

import atexit
import contextlib
import gc
import importlib
import importlib.machinery
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
import time
from typing import NoReturn

LIBRARIES = (
    "alembic.command",
    "alembic.config",
    "alembic.runtime.environment",
    "aiosqlite",
    "asyncmy",
    "asyncpg",
    "click",
    "concurrent.futures.thread",
    "cryptography.hazmat.primitives.asymmetric.padding",
    "difflib",
    "logging.config",
    "mako.lookup",
    "orjson",
    "pydantic.json_schema",
    "pydantic.main",
    "pydantic.plugin._schema_validator",
    "pydantic.types",
    "sqlalchemy.dialects.mysql.asyncmy",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "structlog",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "uvloop",
    "yaml",
)
_NOT_STARTED = tuple(
    f"orchestrator.{name}" for name in ("cloudwatch", "library", "people", "pytest_plugin", "timeline")
)
_BYTES = 64  # of a message; its content is in a file


def wait_for_a_start(requests: socket.socket) -> list[int]:
    """Fork for each request, report the pid, then the exit code and the CPU seconds; return only in the child."""
    news, wake = os.pipe()
    os.set_blocking(news, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    statuses: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests.fileno(), news], [], [])
        if requests.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(requests, _BYTES, 5)
            if not message:  # the tests have ended
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                return descriptors
            *others, statuses[pid] = descriptors
            _tell(statuses[pid], pid)
            for each in others:
                os.close(each)
        with contextlib.suppress(BlockingIOError):
            os.read(news, _BYTES)
        _reap(statuses)


def _reap(statuses: dict[int, int]) -> None:
    """Tell how those that have ended did so."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.wait4(-1, os.WNOHANG))[0]:
            pid, status, usage = ended
            _tell(statuses[pid], os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)
            os.close(statuses.pop(pid))


def _tell(descriptor: int, *numbers: float) -> None:
    with contextlib.suppress(BrokenPipeError):  # its reader is gone
        os.write(descriptor, f"{json.dumps(numbers)}\n".encode())


def become(descriptors: list[int]) -> str:
    """Take the pipes, the environment, the directory and the arguments of a start; returns the code to run, if any."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    request, *pipes, _ = descriptors
    with os.fdopen(os.dup(request)) as file:
        wanted = json.load(file)
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as -m does
    gc.get_freeze_count = lambda: 1  # what was imported is frozen; the product asks, and counting takes 3 ms
    begin_again()
    sys.argv = ["-m", *wanted["arguments"]]
    sys.orig_argv = [sys.executable, "-m", "orchestrator", *wanted["arguments"]]
    return str(wanted["code"])


def of_the_product() -> list[str]:
    """Return the names of the modules that a start may import; other commands import more."""
    import orchestrator

    found = pkgutil.walk_packages(orchestrator.__path__, "orchestrator.")
    return [each.name for each in found if not each.name.startswith(_NOT_STARTED) and "__main__" not in each.name]


def begin_again() -> None:
    """Set anew what the product notes when it is imported, or forget the product where the project hides it."""
    import orchestrator

    here = importlib.machinery.PathFinder.find_spec("orchestrator", [os.getcwd()])  # noqa: PTH109
    if here and here.origin and here.origin != orchestrator.__file__:
        for module in [name for name in sys.modules if name.partition(".")[0] == "orchestrator"]:
            del sys.modules[module]
        return
    from orchestrator import began
    from orchestrator.log import context

    importlib.reload(began)
    vars(context.CONTEXT).update(vars(context.Context(started=began.STARTED)))


def main() -> NoReturn:
    """Import the libraries, and start the product whenever it is asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest
    for module in (*LIBRARIES, *of_the_product()):
        with contextlib.suppress(ImportError):  # an older version of the library, or none
            importlib.import_module(module)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        code = become(wait_for_a_start(requests))
        requests.detach()
    end(run(code))


def run(code: str) -> int:
    """Run the code, or without any `python -m orchestrator`, and return the exit code, as Python works it out."""
    try:
        if code:
            exec(code, {"__name__": "__main__"})  # noqa: S102
        else:
            runpy._run_module_as_main("orchestrator")  # type: ignore[attr-defined] # noqa: SLF001 - what -m calls
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:  # noqa: BLE001 - as at the top of every program
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(code: int) -> NoReturn:
    """End as Python does, but for taking every object apart: a fork copies what it touches."""
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - waits for threads that are no daemons
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream and not stream.closed:
                stream.flush()
        except OSError:
            code = 120
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
