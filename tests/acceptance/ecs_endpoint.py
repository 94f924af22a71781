"""The endpoint of ECS that tells a task what it is, as its documentation has it."""

import json
from asyncio import StreamReader, StreamWriter
from typing import Any

from tests.servers.peers import Peer

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
FIELDS = {"task_id", "cluster", "task_family", "task_revision"}
ID = "158d1c8083dd49d6b527399fd6414f5c"

# The members that the documentation names, each with a value of its kind:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html and
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html.
CONTAINER = {
    "DockerId": f"{ID}-2495160603",
    "Name": "plants",
    "DockerName": "plants",
    "Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/plants:1.4.2",
    "ImageID": f"sha256:{'0a' * 32}",
    "Labels": {
        "com.amazonaws.ecs.cluster": "not-this-one",
        "com.amazonaws.ecs.container-name": "plants",
        "com.amazonaws.ecs.task-arn": "arn:aws:ecs:eu-west-1:111122223333:task/not-this-one/0",
        "com.amazonaws.ecs.task-definition-family": "not-this-one",
        "com.amazonaws.ecs.task-definition-version": "0",
    },
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Limits": {"CPU": 2},
    "CreatedAt": "2026-01-02T03:04:05.678901234Z",
    "StartedAt": "2026-01-02T03:04:05.678901234Z",
    "Type": "NORMAL",
    "LogDriver": "awslogs",
    "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.108"], "AttachmentIndex": 0}],
    "Snapshotter": "overlayfs",
}
BOTH: dict[str, Any] = {
    "TaskARN": f"arn:aws:ecs:eu-west-1:111122223333:task/production/{ID}",
    "Family": "plants-api_2",
    "Revision": "26",
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Limits": {"CPU": 0.25, "Memory": 512},
    "PullStartedAt": "2026-01-02T03:04:00.000000001Z",
    "PullStoppedAt": "2026-01-02T03:04:04Z",
    "AvailabilityZone": "eu-west-1c",
    "Containers": [CONTAINER],
}
FARGATE = BOTH | {
    "Cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/production",
    "LaunchType": "FARGATE",
    "ClockDrift": {
        "ClockErrorBound": 0.5,
        "ReferenceTimestamp": "2026-01-02T03:04:05Z",
        "ClockSynchronizationStatus": "x",
    },
    "EphemeralStorageMetrics": {"Utilized": 261, "Reserved": 20_496},
    "FaultInjectionEnabled": False,
}
EC2 = BOTH | {"Cluster": "production", "ServiceName": "plants", "VPCID": "vpc-0a", "LaunchType": "EC2"}
OLD_ARN = EC2 | {"TaskARN": f"arn:aws:ecs:eu-west-1:111122223333:task/{ID}"}  # before 2021: without the cluster
EXPECTED = {"task_id": ID, "cluster": "production", "task_family": "plants-api_2", "task_revision": "26"}


def answers(body: bytes, status: str = "200 OK", header: str = "") -> Peer:
    """An endpoint that answers so, if it is asked for the task."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if request.startswith(b"GET /v4/abc/task "):
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{header}\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

    return answer


def tells(document: object) -> Peer:
    """An endpoint that has this document."""
    return answers(json.dumps(document).encode())


def address(port: int, host: str = "127.0.0.1") -> dict[str, str]:
    """The environment of a task whose endpoint is there."""
    return {VARIABLE: f"http://{host}:{port}/v4/abc"}
