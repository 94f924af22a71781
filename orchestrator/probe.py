"""The container health check: asks this container's own port once, and says nothing when all is well.

It runs every few seconds beside the app, on the app's CPU and memory, so it imports little of the standard library and
nothing else: `http.client` alone would cost more than all of this (`benchmarks/probe.py`).

An answer counts only if it comes from the orchestrator of this container. The request names the container, by its
mount namespace, and a number drawn by lot; the gate repeats both, with its state, if that is its container too. So
nobody else answers for us: no sidecar, no orchestrator of another container on the same network, no proxy that
remembers an answer.
"""

import _thread
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence

HEALTHY, NOT_HEALTHY = 0, 1
HEADER = "x-orchestrator-probe"
TIMEOUT_SECONDS = 3.0  # ECS ends a check after 5, and then nobody hears why
LONGEST_SECONDS = 3600.0
_LONGEST_HEAD = 16_384  # bytes; ours has a tenth of that
_PORTS = range(1, 65_536)

_HOST, _PORT = "ORCHESTRATOR_HOST", "PORT"
_LIVE, _READY, _STARTUP = "ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH", "ORCHESTRATOR_STARTUP_PATH"
# As in `settings`, whose import would cost more than all of this; a test compares them.
_WINS = {"UVICORN_HOST": _HOST, "UVICORN_PORT": _PORT}
DEFAULTS = {_HOST: "127.0.0.1", _PORT: "8000", _LIVE: "/livez", _READY: "/readyz", _STARTUP: "/startupz"}


class NotHealthyError(Exception):
    """What is wrong, in one line."""


def main(environ: Mapping[str, str], *, live: bool, timeout_seconds: float) -> int:
    """Ask; returns the exit code, and writes one line to stderr when it is not 0."""
    try:
        # One limit for all: the resolver has none of its own, and a server may send a byte a second.
        _thread.start_new_thread(_give_up, (timeout_seconds,))
        ask(environ, live=live)
    except (NotHealthyError, RuntimeError) as error:  # RuntimeError: this container may start no more threads
        _tell(error)
        return NOT_HEALTHY
    return HEALTHY


def ask(environ: Mapping[str, str], *, live: bool) -> None:
    """Ask this container's own port whether it is live, or else whether it is ready: serving.

    Raises:
        NotHealthyError: it is not, or nobody or somebody else answers, or a variable is wrong.
    """
    settings = {name: environ.get(name, default) for name, default in DEFAULTS.items()}
    settings |= {ours: environ[name] for name, ours in _WINS.items() if environ.get(name)}
    path, port = path_to_ask(settings, live=live), port_of(settings[_PORT])
    where = f"port {port}, {path}"
    token = f"{container()}/{os.urandom(8).hex()}"
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{HEADER}: {token}\r\n\r\n"
    status, told = _exchange(settings[_HOST], port, request.encode("ascii"))
    if not told.startswith(f"{token} "):
        raise NotHealthyError(f"{where}: the answer ({status or 'no HTTP'}) is not of this container's orchestrator")
    state = told.removeprefix(f"{token} ")
    if not live and (status, state) != (200, "serving"):
        raise NotHealthyError(f"{where}: {state} ({status})")


def container() -> str:
    """What all processes of one container have in common, and no others of that machine: see namespaces(7)."""
    try:
        return os.readlink("/proc/self/ns/mnt")  # noqa: PTH115  # pathlib would cost 10 ms
    except OSError:  # not Linux
        return ""


# ---------------------------------------------------------------- the command line and the settings


def parse(arguments: Sequence[str]) -> tuple[bool, float] | None:
    """`live` and the seconds; None for what click has to answer: with its help, or as an error of usage."""
    live, timeout_seconds, rest = False, TIMEOUT_SECONDS, list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--live" and not equals:
            live = True
        elif name == "--timeout" and (equals or rest):
            try:
                timeout_seconds = seconds(value if equals else rest.pop(0))
            except ValueError:
                return None
        else:
            return None
    return live, timeout_seconds


def seconds(text: str) -> float:
    """A time limit.

    Raises:
        ValueError: it is none.
    """
    value = float(text)
    if not 0 < value <= LONGEST_SECONDS:
        raise ValueError(f"{text} is not above 0 and at most {LONGEST_SECONDS:g}")
    return value


def path_to_ask(settings: Mapping[str, str], *, live: bool) -> str:
    """The path to ask: every answer of ours tells the state, so another one does for one that is handed to the app."""
    names = (_LIVE, _STARTUP, _READY) if live else (_READY, _STARTUP, _LIVE)
    path = next((settings[name] for name in names if settings[name]), "")
    if not path:
        raise NotHealthyError("the paths of all three probes are handed to the app: one must be kept to ask")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise NotHealthyError(f"the path of a probe has not the right form: {path[:60]!r}")
    return path.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def port_of(text: str) -> int:
    """The port as the settings take it: at most a zero fraction; what else they refuse is served nowhere."""
    whole, _, fraction = text.partition(".")
    if text.isascii() and not fraction.strip("0"):
        try:
            port = int(whole)
        except ValueError:
            port = 0
        if port in _PORTS:
            return port
    raise NotHealthyError(f"PORT is not a port: {text[:60]!r}")


# ---------------------------------------------------------------- the exchange


def _exchange(host: str, port: int, request: bytes) -> tuple[int, str]:
    """What `_read_answer` makes of the answer of whoever listens there.

    Raises:
        NotHealthyError: nobody does, or the connection breaks.
    """
    problem = ""
    for address in (addresses := addresses_of(host)):
        try:
            # As bytes, or Python would load its tables of Unicode; the first one found, as `server.bind` takes it.
            found = socket.getaddrinfo(address.encode("ascii", "replace"), port, type=socket.SOCK_STREAM)
            family, kind, protocol, _, target = found[0]
            with socket.socket(family, kind, protocol) as connection:
                connection.connect(target)
                connection.sendall(request)
                return _read_answer(connection)
        except OSError as error:
            problem = error.strerror or str(error)
    raise NotHealthyError(f"port {port} of {' and '.join(addresses)}: {problem}")


def addresses_of(host: str) -> tuple[str, ...]:
    """Where to ask for what listens on `host`; where IPv6 is turned off, only IPv4 reaches a listener on `::`."""
    for family, answers in ((socket.AF_INET, ("127.0.0.1",)), (socket.AF_INET6, ("::1", "127.0.0.1"))):
        try:
            if not any(socket.inet_pton(family, host)):
                return answers
        except (OSError, ValueError):
            pass
    return (host,)


def _read_answer(connection: socket.socket) -> tuple[int, str]:
    """The status and our header of the answer; 0 for what is no answer in HTTP/1.1."""
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _LONGEST_HEAD:
        chunk = connection.recv(_LONGEST_HEAD)
        if not chunk:
            break
        received += chunk
    head, end, _ = received.partition(b"\r\n\r\n")
    if not end or not head.startswith(b"HTTP/1.1 ") or not (code := head[9:12]).isdigit():
        return 0, ""
    headers = (line.partition(":") for line in head.decode("latin-1").split("\r\n"))
    return int(code), next((value.strip() for name, _, value in headers if name.lower() == HEADER), "")


def _give_up(after_seconds: float) -> None:
    time.sleep(after_seconds)
    _tell(f"no answer within {after_seconds:g} s")
    os._exit(NOT_HEALTHY)


def _tell(problem: object) -> None:
    sys.stderr.write(f"orchestrator probe: {problem}\n")
