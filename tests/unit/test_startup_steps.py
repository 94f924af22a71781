"""A start whose steps are at hand: a stop is heard at each of them, and the last one before a program is its own."""

import asyncio
from typing import Any

import pytest

from orchestrator.runtime.stop import Stop
from orchestrator.runtime.task import Task
from orchestrator.settings.model import Settings
from orchestrator.start.startup import Startup
from tests.unit.told import Told


class Steps:
    """Stands for the database, the app and the port of a start; the step called `hangs` does not end."""

    def __init__(self, hangs: str = "") -> None:
        self.hangs, self.reached, self.done = hangs, asyncio.Event(), list[str]()
        self.answers = self.listener = None

    def __getattr__(self, name: str) -> Any:
        async def step(*_: Any, **__: Any) -> Any:
            if name == self.hangs:
                self.reached.set()
                await asyncio.Event().wait()
            self.done.append(name)
            return 0 if name == "stop" else self

        return step


def started(task: Task, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> Startup:
    """Return a start with these steps."""
    settings = Settings()
    vars(settings).update(fields_set=frozenset({"app", "port"}))
    startup = Startup(task, settings, Stop(), Told())

    async def prepared(*_: Any) -> Any:
        monkeypatch.setattr(startup, "_database", steps, raising=False)
        return steps

    monkeypatch.setattr("orchestrator.serving.server.open_port", prepared)
    for name in ("_prepare", "_preflight"):
        monkeypatch.setattr(startup, name, prepared)
    monkeypatch.setattr(startup, "_app_import", lambda *_: steps)
    return startup


@pytest.mark.parametrize(
    ("task", "hangs", "code"),
    [
        *(
            (Task("serve"), step, 0)
            for step in ("wait", "far_enough", "finished", "change_logins", "hand_over", "ended")
        ),
        *((Task("run", argv=("true",)), step, 0) for step in ("wait", "change_logins")),
        *((Task("migrate"), step, 12) for step in ("wait", "far_enough")),
        *((Task("wait"), step, 12) for step in ("know_address", "wait")),
        (Task("wait", to_head=True), "wait", 12),
    ],
)
async def test_a_stop_is_heard_while_a_step_hangs(
    task: Task, hangs: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform kills what does not end in time, and the last event is lost."""
    steps = Steps(hangs)
    startup = started(task, steps, monkeypatch)
    ended = asyncio.create_task(startup.run())
    await asyncio.wait_for(steps.reached.wait(), 10)
    startup.stop.request("SIGTERM")
    assert await asyncio.wait_for(ended, 10) == code
    assert startup.replacement is None
    assert ("stop" in steps.done) is (task.name in {"serve", "run"}), "the port was not closed in order"


@pytest.mark.parametrize("asked", [False, True], ids=["no stop", "a stop in the last moment"])
async def test_a_program_starts_unless_a_stop_came_and_finds_the_port_closed(
    asked: bool,  # noqa: FBT001  # a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients in between are answered before the program replaces us; afterwards it alone hears signals."""
    steps, closed = Steps(), list[bool]()
    startup = started(Task("run", argv=("true",)), steps, monkeypatch)

    def give_up() -> bool:
        closed.append("close_gate" in steps.done)
        return asked

    monkeypatch.setattr(startup.stop, "give_up", give_up)
    assert await asyncio.wait_for(startup.run(), 10) == 0
    assert (closed, startup.replacement is None) == ([True], asked)
