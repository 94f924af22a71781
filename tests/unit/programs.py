"""Small programs that log, each in a forked process: imports would take most of their time."""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

_SERVER = """
import atexit, json, os, sys, traceback
exec(sys.argv[1])
for request in sys.stdin:
    wanted = json.loads(request)
    pid = os.fork()
    if pid == 0:
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(wanted[name], os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        code = 1
        try:
            exec(wanted["code"], {"__name__": "__main__"})
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        atexit._run_exitfuncs()  # what a process does at its end; multiprocessing removes its semaphores
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Programs:
    """Runs programs one after the other; `imports` is what all of them have imported."""

    def __init__(self, directory: Path, imports: str) -> None:
        self._directory, self._imports = directory, imports

    def __enter__(self) -> Self:
        """Import."""
        command = [sys.executable, "-c", _SERVER, self._imports]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave no process behind."""
        self._server.communicate(timeout=30)

    def run(self, code: str) -> tuple[list[str], str]:
        """Run a program to its end, which must be a good one; returns its lines and what is on its stderr."""
        files = {name: str(self._directory / name) for name in ("stdout", "stderr")}
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps({"code": code, **files}) + "\n")
        self._server.stdin.flush()
        ended = self._server.stdout.readline()
        stdout, stderr = (Path(file).read_text(encoding="utf-8") for file in files.values())
        assert int(ended) == 0, stdout + stderr
        return stdout.split("\n")[:-1], stderr
