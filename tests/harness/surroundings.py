"""Makes the surroundings of a test run the same in a terminal, with `nohup`, in a job in the background, and in CI."""

import os
import signal
import time

_KEPT = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH"}
_OF_TOOLS = ("COVERAGE_", "DOCKER_", "MUTANT_", "PIP_", "PLAYWRIGHT_", "PYENV_", "PYTEST_", "SSL_CERT_", "UV_", "XDG_")
_KEPT_PREFIXES = ("ORCHESTRATOR_", *_OF_TOOLS)
_LOOPBACK = "127.0.0.1,localhost,::1"
_IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}  # which `subprocess` takes back for a child


def make_plain() -> None:
    """Drop what the shell's variables, signals and umask would change in the tests, and in what they start."""
    _keep_variables()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - _IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # a child inherits what is ignored, and not what is handled
    os.umask(0o022)


def _keep_variables() -> None:
    for name in os.environ:
        if not (name in _KEPT or name.startswith(_KEPT_PREFIXES) or name.lower().endswith("_proxy")):
            del os.environ[name]
    os.environ |= {"LANG": "C.UTF-8", "no_proxy": _LOOPBACK, "NO_PROXY": _LOOPBACK}
    time.tzset()
