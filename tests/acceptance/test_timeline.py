"""The timeline of real starts: replicas that race for one database, from their own log lines."""

import contextlib
import itertools
import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.acceptance.migrations import INSERT, WAIT_FOR_GO, add_two, environment, go
from tests.acceptance.test_status_page import QUIET
from tests.harness import Orchestrator, Project, run, together
from tests.servers import Database, backends, chromium
from tests.unit.timelines import log, many

SVG = "{http://www.w3.org/2000/svg}"


@contextlib.asynccontextmanager
async def _race(project: Project, database: Database) -> AsyncIterator[list[Orchestrator]]:
    """Give three replicas that have ended: one migrated, one waited for the lock and served, one waited in vain."""
    add_two(project)
    project.add_revision("r3", f"{WAIT_FOR_GO}\n{INSERT.format(2, 'lily')}")
    patience = [{}, {}, {"ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": "1"}]
    settings = [
        {"ORCHESTRATOR_HEARTBEAT_SECONDS": "0.5", "ORCHESTRATOR_SERVICE": "plants", **more} for more in patience
    ]
    async with contextlib.AsyncExitStack() as stack:
        replicas = [Orchestrator("serve", env=environment(database, **more), cwd=project.path) for more in settings]
        migrates, waits, fails = replicas
        await stack.enter_async_context(migrates)
        await migrates.event("revision_started", revision="r3")
        await stack.enter_async_context(waits)
        await stack.enter_async_context(fails)
        await waits.event("lock_waiting")
        assert await fails.exit_code() == 6
        go(project)
        await together(migrates.event("server_started"), waits.event("server_started"))
        assert await migrates.stop() == 0
        yield replicas


@backends("mariadb", "postgresql")
async def test_who_waited_for_whom_is_seen(project: Project, database: Database, tmp_path: Path) -> None:
    """Three tasks, three lanes: one migrates, one waits for it, one gives up."""
    async with _race(project, database) as replicas:
        boots = [replica.events[0]["boot_id"] for replica in replicas]
        content = "".join(f"app-1  | {line}\n" for replica in replicas for line in replica.lines)
        (tmp_path / "log").write_text(f"hello\n{content}")
        shown = await run("timeline", "log", cwd=tmp_path)
        drawn = await run("timeline", "--svg", "picture.svg", cwd=tmp_path, stdin=f"hello\n{content}")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.lines[0] == "3 starts of plants"
    assert shown.lines[1].startswith("2 served, 1 failed")
    lanes = {boot: next(line for line in shown.lines if line.startswith(boot[-8:])) for boot in boots}
    assert ["█" in lane for lane in lanes.values()] == [True, False, False]
    assert ["▓" in lane for lane in lanes.values()] == [False, True, True]
    assert lanes[boots[2]].endswith("  exit 6 lock_timeout")
    story = "\n".join(shown.lines)
    assert f"exit 6 lock_timeout  1 start: {boots[2][-8:]}" in story
    assert f"r3 by {boots[0][-8:]} · revision 3 of 3" in story
    assert shown.lines[-1] == "1 line skipped that is not ours."

    assert (drawn.exit_code, drawn.lines) == (0, [])
    assert drawn.stderr == "orchestrator: 1 line skipped that is not ours.\n"
    titles = [title.text or "" for title in ET.parse(tmp_path / "picture.svg").iter(f"{SVG}title")]  # noqa: S314
    assert len([title for title in titles if title.startswith("waits for the lock: ")]) == 2
    assert sorted(title.partition(":")[0] for title in titles if "\nrevision " in title) == ["r1", "r2", "r3"]


@backends("sqlite")
async def test_a_start_as_cloudwatch_gives_it_is_shown_phase_by_phase(
    project: Project, database: Database, tmp_path: Path
) -> None:
    """The output of `aws logs filter-log-events` goes straight in."""
    add_two(project)
    migrated = await run("migrate", env=environment(database), cwd=project.path)
    page = {"events": [{"logStreamName": "a/b/c", "timestamp": 1, "message": line} for line in migrated.lines]}
    told = await run("timeline", cwd=tmp_path, stdin=json.dumps(page, indent=4))
    assert told.exit_code == 0
    assert told.lines[1].startswith("done after ")
    rows = [line.partition("  ")[0] for line in told.lines]
    assert [row for row in rows if row in {"process starts", "waits for the database", "r1", "r2"}] == [
        "process starts",
        "waits for the database",
        "r1",
        "r2",
    ]


async def test_a_file_that_cannot_be_read_or_written_is_reported(tmp_path: Path) -> None:
    """In one line, and nothing is left half done."""
    (tmp_path / "picture.svg").write_text("the old one")
    for arguments, why in {
        ("nowhere",): "'nowhere' does not exist",
        ("/proc/self/mem",): "/proc/self/mem cannot be read: Input/output error",
        ("/dev/null", "--svg", "no/picture.svg"): "no/picture.svg cannot be written: No such file or directory",
        ("/proc/self/mem", "--svg", "picture.svg"): "/proc/self/mem cannot be read",
    }.items():
        told = await run("timeline", *arguments, cwd=tmp_path)
        assert (told.exit_code, told.lines, len(told.stderr.splitlines())) == (64, [], 1)
        assert why in told.stderr
    assert _contents(tmp_path) == {"picture.svg": "the old one"}


def _contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


async def test_a_terminal_of_another_time_gets_letters(tmp_path: Path) -> None:
    """Characters outside its encoding are replaced."""
    (tmp_path / "log").write_bytes(log(many(5)))
    told = await run("timeline", "log", env={"PYTHONIOENCODING": "ascii"}, cwd=tmp_path)
    assert (told.exit_code, told.stderr) == (0, "")
    assert "\n".join(told.lines).isascii()


BOXES = """() => [...document.querySelectorAll("text")].map(text => {
    const box = text.getBBox()
    return [text.textContent, box.x, box.y, box.x + box.width, box.y + box.height]
})"""


@pytest.mark.parametrize("amount", [1, 5, 200])
async def test_a_browser_draws_no_text_over_another(tmp_path: Path, amount: int) -> None:
    """Measured with the font that is really there, which the program does not know."""
    (tmp_path / "log").write_bytes(log(many(amount)))
    assert (await run("timeline", "log", "--svg", "picture.svg", cwd=tmp_path)).exit_code == 0
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium()), args=QUIET)
        page = await browser.new_page(viewport={"width": 1200, "height": 800})
        await page.goto((tmp_path / "picture.svg").as_uri())
        boxes = await page.evaluate(BOXES)
        await browser.close()
    assert len(boxes) > 2 * amount
    assert [text for text, left, _, right, _ in boxes if left < 0 or right > 1200] == []
    boxes.sort(key=lambda box: box[2])
    overlapping = [(one[0], other[0]) for one, other in itertools.combinations(boxes, 2) if _overlap(one, other)]
    assert overlapping == []


def _overlap(one: list[float], other: list[float]) -> bool:
    """Two boxes; the rows of letters may touch, as a box is higher than what is in it."""
    slack = 3
    return (
        one[1] < other[3]
        and other[1] < one[3]
        and one[2] + slack < other[4] - slack
        and other[2] + slack < one[4] - slack
    )
