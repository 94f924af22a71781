"""Who we are in ECS: read once from the task metadata endpoint, beside everything else, and never waited for.

Endpoint and fields: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html
"""

import http.client
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from orchestrator.log import CONTEXT

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
TIMEOUT_SECONDS = 2.0
MAX_BYTES = 1_000_000

_logger = logging.getLogger(__name__)


def identify(environ: Mapping[str, str]) -> None:
    """Put the task's identity on the log lines to come, as soon as the endpoint answers; outside ECS do nothing."""
    if address := environ.get(VARIABLE):
        threading.Thread(target=_identify, args=(address,), name="ecs-metadata", daemon=True).start()


def _identify(address: str) -> None:
    try:
        CONTEXT.task = _fields(_get(f"{address}/task"))
    except Exception as error:  # noqa: BLE001  # whatever the endpoint answers: it must not matter
        _logger.warning("The ECS task metadata could not be read: %r", error)


def _get(address: str) -> dict[str, Any]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise ValueError(f"status {answer.status}")
        found: dict[str, Any] = json.loads(answer.read(MAX_BYTES))
    finally:
        connection.close()
    return found


def _fields(task: dict[str, Any]) -> dict[str, str]:
    """The fields of section 6; task and cluster come as ARNs or as plain names, depending on where the task runs."""
    return {
        "task_id": str(task["TaskARN"]).rpartition("/")[2],
        "cluster": str(task["Cluster"]).rpartition("/")[2],
        "task_family": str(task["Family"]),
        "task_revision": str(task["Revision"]),
    }
