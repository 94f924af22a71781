"""The harness itself, with a program in the product's place."""

import signal
from pathlib import Path

import pytest

from tests.harness import Orchestrator, run
from tests.harness.catalogue import violations


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory in which `python -m orchestrator STATEMENTS` runs the statements; the events are theirs."""
    monkeypatch.setattr("tests.harness.output.violations", lambda _: [])
    (tmp_path / "orchestrator.py").write_text(
        "import json, os, signal, sys, time\n"
        "def say(event, **fields):\n"
        "    print(json.dumps({'event': event, **fields}), flush=True)\n"
        "exec(sys.argv[1])\n"
    )
    return tmp_path


async def test_an_event_is_found_whether_it_was_or_is_yet_to_come(told: Path) -> None:
    """Whoever waits need not know which."""
    async with Orchestrator("say('one'); say('two', n=2); time.sleep(30)", cwd=told) as process:
        assert await process.event("two", n=2) == {"event": "two", "n": 2}
        assert await process.event("one") == {"event": "one"}


async def test_events_can_be_passed_over(told: Path) -> None:
    """The second of two alike is not the first."""
    async with Orchestrator("say('a', n=1); say('a', n=2); time.sleep(30)", cwd=told) as process:
        assert (await process.event("a", after=1))["n"] == 2
        assert [event["n"] for event in process.find("a")] == [1, 2]


async def test_an_event_that_does_not_come_is_reported_with_everything_else(told: Path) -> None:
    """A timeout and an end are distinguished, and the output helps to find the cause."""
    async with Orchestrator("say('a'); time.sleep(30)", cwd=told) as process:
        await process.event("a")
        with pytest.raises(AssertionError, match=r"no b .* within 0.1 s\n(.*\n)*.*\"event\": \"a\""):
            await process.event("b", within=0.1)
    async with Orchestrator("say('a'); raise SystemExit('no more')", cwd=told) as process:
        with pytest.raises(AssertionError, match=r"it ended without b"):
            await process.event("b")
        assert await process.exit_code() == 1
        assert process.stderr == "no more\n"


async def test_a_line_that_the_catalogue_does_not_know_fails_the_test(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the test is about: so the catalogue is right about every run of every test."""
    monkeypatch.setattr("tests.harness.output.violations", violations)
    with pytest.raises(AssertionError, match="required property"):
        await run("say('a')", cwd=told)


async def test_a_line_without_a_json_object_is_noise(told: Path) -> None:
    """A line without an end and bytes that are no text are lines too."""
    result = await run("print('[1]'); say('a'); os.write(1, b'\\xff')", cwd=told)
    assert result.lines == ["[1]", '{"event": "a"}', "\\xff"]
    assert result.noise == ["[1]", "\\xff"]
    assert result.find("a") == [{"event": "a"}]


async def test_an_exit_code_is_waited_for(told: Path) -> None:
    """As are the last lines."""
    async with Orchestrator("say('a'); time.sleep(30)", cwd=told) as process:
        await process.event("a")
        assert await process.stop() == -signal.SIGTERM
    result = await run("say('x' * 1_000_000); sys.exit(7)", cwd=told)
    assert (result.exit_code, len(result.find("x" * 1_000_000))) == (7, 1)


async def test_nothing_is_inherited(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the product or of the tests does not get through; what is given does."""
    monkeypatch.setenv("ORCHESTRATOR_TEST_MYSQL_URL", "mysql://")
    monkeypatch.setenv("DATABASE_URL", "sqlite://")
    result = await run("say('env', **os.environ)", env={"WEB_CONCURRENCY": "1"}, cwd=told)
    (event,) = result.find("env", WEB_CONCURRENCY="1")
    own = {"PATH", "HOME", "LANG", "PORT", "ORCHESTRATOR_EMBEDDED_DATABASE"}
    assert event.keys() - {"LC_CTYPE"} == {"event", "WEB_CONCURRENCY", *own}
    assert 20_000 <= int(event["PORT"]) < 32_768


async def test_a_process_does_not_outlive_its_context(told: Path) -> None:
    """Not even one that does not listen to reason."""
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN); say('a'); time.sleep(30)"
    async with Orchestrator(stubborn, cwd=told) as process:
        await process.event("a")
        process.signal(signal.SIGTERM)
    assert process.process.returncode == -signal.SIGKILL


async def test_stdout_can_be_left_unread(told: Path) -> None:
    """The process then writes into a full pipe, and continues when it is read again."""
    much = "say('a'); [say('b', x='x' * 1000) for _ in range(2000)]; open('done', 'w').close()"
    async with Orchestrator(much, cwd=told) as process:
        process.reading.clear()
        await process.event("a")
        with pytest.raises(AssertionError, match="did not end"):
            await process.exit_code(within=0.5)
        assert not (told / "done").exists()
        process.reading.set()
        assert await process.exit_code() == 0
    assert len(process.find("b")) == 2000


async def test_stdin_can_be_given(told: Path) -> None:
    """For commands that read."""
    result = await run("say(sys.stdin.read())", stdin="hello", cwd=told)
    assert result.find("hello")
