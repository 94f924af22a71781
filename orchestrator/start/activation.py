"""Which programs take over a listening socket, and at which descriptor.

As in systemd's socket activation (sd_listen_fds(3)), gunicorn reads LISTEN_FDS; uvicorn and hypercorn take the
descriptor from their command line. Any other program binds the port itself, so our socket must be closed first.
"""

import os
import shlex
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.patterns import pattern

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
_PROGRAM_WITHIN = 5  # words: `opentelemetry-instrument`, `ddtrace-run` or `python -m` may come before the program
_DESCRIPTOR = pattern(r"(?:--fd=|fd://)(\d+)")
_DEFAULT_GUNICORN_PORT = 8000


def descriptor_for(argv: Sequence[str], environ: Mapping[str, str], listener: socket.socket) -> int | None:
    """Return the descriptor at which `argv` expects `listener`; None if the program binds a port itself."""
    names = [Path(word).name for word in argv[:_PROGRAM_WITHIN]]
    if "gunicorn" in names:
        own = [*shlex.split(environ.get("GUNICORN_CMD_ARGS", "")), *argv[names.index("gunicorn") + 1 :]]
        return FIRST_DESCRIPTOR if _gunicorn_binds(own, environ, listener) else None
    if "uvicorn" in names and (number := environ.get("UVICORN_FD", "")).isdecimal():
        return int(number)
    for word, following in zip(argv, (*argv[1:], ""), strict=True):
        if match := _DESCRIPTOR.fullmatch(word):
            return int(match[1])
        if word == "--fd" and following.isdecimal():
            return int(following)
    return None


def announced(environ: Mapping[str, str], descriptor: int) -> dict[str, str]:
    """Return `environ` with the variables that announce the socket; COMMAND keeps this process's id."""
    told = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())} if descriptor == FIRST_DESCRIPTOR else {}
    return {**environ, **told}


def _gunicorn_binds(own: Sequence[str], environ: Mapping[str, str], listener: socket.socket) -> bool:
    """Return whether gunicorn would listen on our address only; with LISTEN_FDS it ignores its own addresses."""
    host, port = listener.getsockname()[:2]
    binds = list(_binds(own))
    if not binds:
        if _config_file_may_bind(own):
            return False
        default = f"0.0.0.0:{environ['PORT']}" if "PORT" in environ else f"127.0.0.1:{_DEFAULT_GUNICORN_PORT}"
        binds = [default]
    if len(binds) != 1:
        return False
    name, _, number = binds[0].rpartition(":")
    return (name.strip("[]") or "0.0.0.0", number) == (host, str(port))  # noqa: S104  # gunicorn's default


def _binds(words: Sequence[str]) -> Iterator[str]:
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word in {"-b", "--bind"}:
            yield following
        elif word.startswith("--bind="):
            yield word.removeprefix("--bind=")
        elif word.startswith("-b") and not word.startswith("--"):
            yield word[2:]


def _config_file_may_bind(words: Sequence[str]) -> bool:
    """Return whether a configuration file that gunicorn reads may set addresses, as far as its text shows."""
    if any(word in {"-c", "--config"} or word.startswith(("-c", "--config=")) for word in words):
        return True
    try:
        return "bind" in Path("gunicorn.conf.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
