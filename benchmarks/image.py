"""The image: how long a start takes compared with a shell script in the same image, and how much memory it uses.

    python -m benchmarks.image [--runs 7] [--cpus 0.25]

A start is the time from `run` to the app's first 200, including the engine's own time (shown as `engine`). The two ways
alternate, on a MariaDB of this machine, with a read-only file system and 256 MB. The figures are the median and the
slowest run.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.container import engine as engines
from tests.container.container import READ_ONLY, RESTRICTED, Container
from tests.container.engine import NOT_TESTED, ROOT, Engine
from tests.servers import Database, MariaDB

SCRIPT = Path(__file__).with_name("startup.sh").read_text().replace("--host 127.0.0.1", "--host 0.0.0.0")
SCRIPTED = """\
FROM {plants}
USER 0
RUN pip install --quiet pymysql
COPY --chmod=755 start.sh /start.sh
USER 10001:10001
ENTRYPOINT ["/start.sh"]
CMD []
"""
LIMIT_SECONDS = 120


class Start(Container):
    """A container whose lines are not checked, because the script does not write events."""

    def hear(self, line: str) -> None:
        """Keep the line as it is."""
        self.lines.append(line)


@contextmanager
def built(engine: Engine) -> Iterator[dict[str, str]]:
    """The image with its own entrypoint, and with the script in its place, for the time of the context."""
    plants = engine.build(ROOT)
    with tempfile.TemporaryDirectory() as context:
        Path(context, "start.sh").write_text(SCRIPT)
        Path(context, "Dockerfile").write_text(SCRIPTED.format(plants=plants))
        script = engine.build(Path(context))
    try:
        yield {"script": script, "orchestrator": plants}
    finally:
        engine.remove(script)
        engine.remove(plants)


async def start(engine: Engine, image: str, database: Database, options: tuple[str, ...]) -> tuple[float, int]:
    """Seconds until the app answers 200, and the kilobytes that all its processes have in memory then."""
    began = time.monotonic()
    env = {"DATABASE_URL": database.url}
    async with Start(engine, image, env=env, options=(*RESTRICTED, *READ_ONLY, *options)) as container:
        async with httpx.AsyncClient(base_url=container.url) as client, asyncio.timeout(LIMIT_SECONDS):
            while not await answers(client):  # noqa: ASYNC110  # it tells nobody by itself
                await asyncio.sleep(0.01)
        seconds = time.monotonic() - began
        process_1 = await container.process_1()
        resident = [process.status()["VmRSS"] for process in (process_1, *process_1.children())]
        await container.kill()
    return seconds, sum(int(each.removesuffix(" kB")) for each in resident)


async def answers(client: httpx.AsyncClient) -> bool:
    """Does the app itself answer?"""
    try:
        return (await client.get("/plants")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def engine_alone(engine: Engine, image: str, options: tuple[str, ...]) -> float:
    """Seconds that the engine needs to run nothing."""
    began = time.monotonic()
    options = (*RESTRICTED, *READ_ONLY, *options, "--entrypoint=true")
    async with Start(engine, image, options=options) as container:
        await container.exit_code()
        return time.monotonic() - began


async def compare(engine: Engine, server: MariaDB, runs: int, options: tuple[str, ...]) -> None:
    """Print a table."""
    seconds: dict[tuple[str, str], list[float]] = {}
    memory: dict[str, int] = {}
    with built(engine) as images:
        for _ in range(runs):
            nothing = await engine_alone(engine, images["script"], options)
            seconds.setdefault(("nothing", "engine"), []).append(nothing)
            for way, image in images.items():
                database = server.create_database()
                for state in ("6 pending", "at head"):
                    took, memory[way] = await start(engine, image, database, options)
                    seconds.setdefault((state, way), []).append(took)
                server.drop_database(database)
        for (state, way), taken in sorted(seconds.items()):
            print(f"{state:10} {way:14} {statistics.median(taken):6.2f} s   slowest {max(taken):6.2f} s")
        for way, kilobytes in memory.items():
            print(f"memory     {way:14} {kilobytes / 1024:6.1f} MB")
        print(await engine.call("history", "--format", "{{.Size}}\t{{.CreatedBy}}", images["orchestrator"]))


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--cpus", default="", help="a share of one, as a task of ECS has it")
    options = parser.parse_args()
    engine = engines.find()
    if not engine:
        raise SystemExit(NOT_TESTED)
    with MariaDB() as server:
        asyncio.run(compare(engine, server, options.runs, (f"--cpus={options.cpus}",) if options.cpus else ()))


if __name__ == "__main__":
    main()
