"""What the program behind `run` finds of our process."""

import socket
import subprocess
import sys
from pathlib import Path

from orchestrator.start.replacing import Replacement

_BECOME = """
import os, signal, socket
from orchestrator.start.replacing import Replacement, replace_process

os.environ["LC_CTYPE"] = "C.UTF-8"  # as Python does in the locale C
listener = socket.create_server(("127.0.0.1", 0))
assert listener.fileno() == 3  # where the program expects it
stdout = os.dup(1)
os.dup2(2, 1)
replace_process(Replacement("/bin/sh", ("sh", "-c", PROGRAM), listener), stdout)
"""
_PROGRAM = """
test -S /proc/self/fd/3 && echo "socket"
echo "$LC_CTYPE,$LISTEN_FDS"
test "$LISTEN_PID" = $$ && echo "for us"
sed -n 's/SigIgn:[[:space:]]*//p' /proc/self/status
"""
_STANDARD_SIGNALS = 2**31 - 1  # glibc's posix_spawn ignores signals of its own, and that is inherited


def test_the_program_writes_to_our_output_and_finds_socket_locale_and_signals_as_exec_leaves_them() -> None:
    """Python adds a locale, ignores SIGPIPE, and our own standard output leads to standard error."""
    code = f"PROGRAM = {_PROGRAM!r}\n{_BECOME}"
    done = subprocess.run([sys.executable, "-c", code], env={"LANG": "C"}, capture_output=True, text=True, check=False)
    *lines, ignored = done.stdout.splitlines()
    assert lines == ["socket", ",1", "for us"], done.stderr
    assert int(ignored, 16) & _STANDARD_SIGNALS == 0


def test_a_program_that_binds_the_port_itself_finds_it_free() -> None:
    """And one that takes the socket gets it."""
    for argv, given in ((("celery", "worker"), False), (("uvicorn", "app", "--fd", "5"), True)):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            found = Replacement.of(str(Path("/bin/x")), argv, {}, listener)
            assert (found.listener is listener, listener.fileno() != -1) == (given, given)
