"""This task's identity in ECS: read once from the task metadata endpoint, in a thread that no start waits for.

We ask `/task`, because it documents cluster, task, family and revision as members for both EC2 and Fargate. The
container's own document has them only as Docker labels, which may be missing.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from orchestrator.log import CONFIGURED, CONTEXT
from orchestrator.patterns import pattern

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
TIMEOUT_SECONDS = 2.0  # for the whole request
MAX_BYTES = 1_000_000

# The longest name of a family or cluster: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/.
_NAME = pattern(r"[A-Za-z0-9_-]{1,255}")
_MEMBERS = {"task_id": "TaskARN", "cluster": "Cluster", "task_family": "Family", "task_revision": "Revision"}

_logger = logging.getLogger("orchestrator.ecs")


def identify(environ: Mapping[str, str]) -> None:
    """Add the task's identity to all later lines as soon as the endpoint answers. Outside ECS, do nothing.

    Call this first, so that the endpoint has answered by the first lines.
    """
    if address := environ.get(VARIABLE):
        threading.Thread(target=_identify, args=(address,), name="ecs-metadata", daemon=True).start()


def _identify(address: str) -> None:
    try:
        CONTEXT.task = _fields(_get(address))
    except Exception as error:  # noqa: BLE001  # whatever the endpoint answers: it must not matter
        CONFIGURED.wait()
        _logger.warning("The ECS task metadata could not be read: %r", error)


def _get(address: str) -> Any:
    import json  # imported here, in the thread, to save a few milliseconds of the start
    from http.client import OK, HTTPConnection

    until = time.monotonic() + TIMEOUT_SECONDS
    parts = urlsplit(address)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{VARIABLE} is not an http address")
    connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT_SECONDS)
    with contextlib.closing(connection):
        connection.connect()
        with _hanging_up(connection.sock, until):
            connection.request("GET", f"{parts.path}/task")
            answer = connection.getresponse()
            if answer.status != OK:
                raise ValueError(f"status {answer.status}")
            return json.loads(answer.read(MAX_BYTES))


@contextlib.contextmanager
def _hanging_up(connected: socket.socket, until: float) -> Iterator[None]:
    """Abort at that time: a socket timeout is per read, so a server that sends a byte a second never reaches it."""

    def hang_up() -> None:
        with contextlib.suppress(OSError):  # the connection has ended
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(until - time.monotonic(), hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _fields(task: Any) -> dict[str, str]:
    """Return the ECS fields of a line. Task and cluster are ARNs or plain names, depending on where the task runs."""
    names = {field: task[member] for field, member in _MEMBERS.items()}
    for field in ("task_id", "cluster"):
        names[field] = names[field].rpartition("/")[2]
    for field, name in names.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{_MEMBERS[field]} is not a name")
    return names
