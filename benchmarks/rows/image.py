"""Row 16: the image with a quarter of a processor, from `podman run` to the first 200, beside a script in its place."""

import asyncio
from collections.abc import Generator

from benchmarks.bench import Bench
from benchmarks.image import built, start
from benchmarks.row import Group, Row, Samples
from tests.container import engine as engines
from tests.container.engine import NOT_TESTED

_CPUS = ("--cpus=0.25",)


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Build both images; bring a database to head, then start each once a round.

    Raises:
        RuntimeError: no engine is installed.
    """
    engine = engines.find()
    if not engine:
        raise RuntimeError(NOT_TESTED)
    server = bench.server()
    database = server.create_database()
    with built(engine) as images:
        asyncio.run(start(engine, images["orchestrator"], database, ()))
        while True:
            seconds = {way: asyncio.run(start(engine, image, database, _CPUS))[0] for way, image in images.items()}
            yield {"orchestrator": [seconds["orchestrator"]], "startup.sh": [seconds["script"]]}


GROUP = Group(
    rows=(Row(16, "Image with 0.25 CPU, at head: run to the first 200", "orchestrator", "startup.sh", 0.55),),
    measure=measure,
    rounds=5,
    programs=("docker",),
    asked_for=True,
)
