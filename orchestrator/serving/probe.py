"""The container's health check: sends one request to this container's own port, and prints nothing if all is well.

It runs every few seconds next to the app, on the app's CPU and memory. So it imports little of the standard library and
nothing more: `http.client` alone would cost more than the whole check (`benchmarks/probe.py`).

Only an answer that this container's orchestrator computed counts. The request contains a random number. The answer
contains the state, and a digest of both that is keyed with the container's mount namespace, which is never sent. So no
server that repeats what it receives can answer in its place, no sidecar, no orchestrator of another container on the
same network and no caching proxy. A program in the same container that imitates all this on purpose can; it could
replace this check as well.
"""

import _thread
import os
import socket
import sys
import time
from _blake2 import blake2s  # `hashlib` would load OpenSSL
from collections.abc import Mapping, Sequence

HEALTHY, NOT_HEALTHY = 0, 1
HEADER = "x-orchestrator-probe"
TOKEN_BYTES = 8
TIMEOUT_SECONDS = 3.0  # ECS ends a check after 5 s, and then its message is lost
LONGEST_SECONDS = 3600.0
_LONGEST_HEAD = 16_384  # bytes; our answer has a tenth of that
_PORTS = range(1, 65_536)

_HOST, _PORT = "ORCHESTRATOR_HOST", "PORT"
_LIVE, _READY, _STARTUP = "ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH", "ORCHESTRATOR_STARTUP_PATH"
# The same as in `settings`, which is too expensive to import here; a test compares them.
_WINS = {"UVICORN_HOST": _HOST, "UVICORN_PORT": _PORT}
DEFAULTS = {_HOST: "127.0.0.1", _PORT: "8000", _LIVE: "/livez", _READY: "/readyz", _STARTUP: "/startupz"}


class NotHealthyError(Exception):
    """The container is not healthy; the message is one line."""


def main(environ: Mapping[str, str], *, live: bool, timeout_seconds: float) -> int:
    """Run the check; return the exit code, and write one line to stderr if it is not 0."""
    try:
        # One time limit for everything: name resolution has none, and a server may send a byte a second.
        _thread.start_new_thread(_give_up, (timeout_seconds,))
        ask(environ, live=live)
    except (NotHealthyError, RuntimeError) as error:  # RuntimeError: this container may not start another thread
        _tell(error)
        return NOT_HEALTHY
    return HEALTHY


def _is_set(text: str) -> bool:
    return text != "" and not text.startswith("tcp://")  # as Kubernetes sets UVICORN_PORT for a Service called uvicorn


def ask(environ: Mapping[str, str], *, live: bool) -> None:
    """Ask this container's own port whether it is live or, without `live`, whether it is ready.

    Raises:
        NotHealthyError: it is not, another program answers or none does, or a variable is wrong.
    """
    settings = {name: environ.get(name, default) for name, default in DEFAULTS.items()}
    settings |= {ours: environ[name] for name, ours in _WINS.items() if _is_set(environ.get(name, ""))}
    path, port = path_to_ask(settings, live=live), port_of(settings[_PORT])
    where = f"port {port}, {path}"
    token = os.urandom(TOKEN_BYTES).hex()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{HEADER}: {token}\r\n\r\n"
    status, told = _exchange(settings[_HOST], port, request.encode("ascii"))
    state = told.partition(" ")[0]
    if told != signature(token, state):
        raise NotHealthyError(f"{where}: the answer ({status or 'no HTTP'}) is not of this container's orchestrator")
    if not live and (status, state) != (200, "serving"):
        raise NotHealthyError(f"{where}: {state} ({status})")


def container() -> str:
    """Return the id that all processes of this container share, and no others on the machine: see namespaces(7)."""
    try:
        return os.readlink("/proc/self/ns/mnt")  # noqa: PTH115  # pathlib would cost 10 ms
    except OSError:  # not Linux
        return ""


def signature(token: str, state: str) -> str:
    """Return what this container's orchestrator answers to `token` if it is in `state`."""
    text = f"{token} {state}".encode("ascii", "replace")
    return f"{state} {blake2s(text, key=container().encode()[:32]).hexdigest()}"


def is_token(text: str) -> bool:
    """Return whether `text` may be the random number of a check."""
    return len(text) == 2 * TOKEN_BYTES and not text.strip("0123456789abcdef")


# ---------------------------------------------------------------- the command line and the settings


def parse(arguments: Sequence[str]) -> tuple[bool, float] | None:
    """Return `live` and the seconds; None for arguments that click must handle: help and usage errors."""
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
    """Return a time limit.

    Raises:
        ValueError: the text is not a valid limit.
    """
    value = float(text)
    if not 0 < value <= LONGEST_SECONDS:
        raise ValueError(f"{text} is not above 0 and at most {LONGEST_SECONDS:g}")
    return value


def path_to_ask(settings: Mapping[str, str], *, live: bool) -> str:
    """Return the path to ask: any probe that the app does not own, because each of our answers has the state."""
    names = (_LIVE, _STARTUP, _READY) if live else (_READY, _STARTUP, _LIVE)
    path = next((settings[name] for name in names if settings[name]), "")
    if not path:
        raise NotHealthyError("the paths of all three probes are handed to the app: one must be kept to ask")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise NotHealthyError(f"the path of a probe has not the right form: {path[:60]!r}")
    return path.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def port_of(text: str) -> int:
    """Return the port as the settings accept it: `8000.0` counts, other fractions do not."""
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
    """Send the request, and return what `_read_answer` reads.

    Raises:
        NotHealthyError: no program listens there, or the connection breaks.
    """
    problem = ""
    for address in (addresses := addresses_of(host)):
        try:
            # Pass bytes, because a str would make Python load its Unicode tables. Use the first result, as
            # `server.bind` does.
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
    """Return the addresses to ask for a listener on `host`. If IPv6 is off, only IPv4 reaches a listener on `::`."""
    for family, answers in ((socket.AF_INET, ("127.0.0.1",)), (socket.AF_INET6, ("::1", "127.0.0.1"))):
        try:
            if not any(socket.inet_pton(family, host)):
                return answers
        except (OSError, ValueError):
            pass
    return (host,)


def _read_answer(connection: socket.socket) -> tuple[int, str]:
    """Return the status and our header of the answer; status 0 if it is not HTTP/1.1."""
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
