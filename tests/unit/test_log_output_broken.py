"""Standard output while its reader stalls or leaves, and on a full disk: only lines may be lost."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.log import output
from orchestrator.log.output import Output
from tests.unit.pipes import LINE, Pipe


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a reader, nor for a disk."""
    monkeypatch.setattr(output, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(output, "RETRY_SECONDS", 0.01)


@pytest.mark.usefixtures("_impatient")
def test_a_reader_that_stalls_while_starting_is_waited_for_within_a_limit(pipe: Pipe) -> None:
    """The first line that cannot be written in time is the last one that is waited for; all arrive when it is read."""
    full = pipe.fill()
    for number in range(100):
        pipe.output.write(f"{number:03}\n")
    assert pipe.read(full) == "-" * full
    assert pipe.read(400).split() == [f"{number:03}" for number in range(100)]


DROPPED = "15 log lines were dropped, because nobody read them in time\n"


@pytest.fixture
def small() -> Iterator[Pipe]:
    """Yield a pipe with room for ten queued lines; the log's own messages go into it, as in production."""
    made = Pipe(capacity_bytes=10_000)
    handler = logging.StreamHandler(made.output)
    logger = logging.getLogger("orchestrator.log.output")
    logger.addHandler(handler)
    yield made
    logger.removeHandler(handler)
    made.close()


def test_lines_without_room_are_dropped_counted_and_reported(small: Pipe, caplog: pytest.LogCaptureFixture) -> None:
    """Memory is bounded in bytes, for any lines; the report is at the place of the missing lines."""
    full = small.fill()
    small.output.unblock()
    for _ in range(25):
        small.output.write(LINE)
    small.read(full + 10_000)
    assert small.read(len(DROPPED)) == DROPPED
    small.output.write("next\n")
    assert small.read(5) == "next\n"
    (record,) = caplog.records
    assert (record.levelname, record.__dict__["lines_dropped"]) == ("WARNING", 15)


def test_a_reader_that_is_always_too_slow_is_reported_of_too(small: Pipe) -> None:
    """The queue never becomes empty then: the report comes as soon as half of it is free."""
    small.output._capacity = 200_000  # noqa: SLF001  # more than a pipe holds, so that some of it waits
    full = small.fill()
    small.output.unblock()
    for _ in range(215):
        small.output.write(LINE)
    read = len(small.read(160_000))  # the thread counts a write once it is complete
    while len(small.output._waiting) >= 100_000:  # noqa: SLF001  # until the thread has written as much
        time.sleep(0.001)
    small.output.write("next\n")
    rest = small.read(full + 200_000 - read + len(DROPPED) + 5)
    assert rest.endswith(f"{LINE}{DROPPED}next\n")


def test_a_reader_that_went_away_costs_nothing(pipe: Pipe) -> None:
    """Neither while starting nor while serving, neither an exception nor memory."""
    os.close(pipe.reading)
    for _ in range(10):
        assert pipe.output.write(LINE) == len(LINE)
    pipe.output.unblock()
    for _ in range(10_000):
        pipe.output.write(LINE)
    pipe.output.settle(60)
    assert not pipe.output._waiting  # noqa: SLF001  # the memory


def test_a_reader_that_goes_away_while_lines_wait_ends_their_waiting(pipe: Pipe) -> None:
    """The thread that writes must not turn in circles."""
    pipe.fill()
    pipe.output.unblock()
    pipe.output.write(LINE)
    os.close(pipe.reading)
    pipe.output.settle(60)
    assert not pipe.output._waiting  # noqa: SLF001  # the memory


def test_a_program_that_closes_all_descriptors_ends_only_the_log(pipe: Pipe) -> None:
    """As libraries that make daemons do."""
    os.close(pipe.output.fileno())
    pipe.output.write(LINE)
    pipe.output.unblock()
    pipe.output.write(LINE)
    pipe.output.settle(60)


@pytest.mark.usefixtures("_impatient")
def test_a_full_disk_costs_nothing_but_lines() -> None:
    """Each write fails there; nothing waits, nothing is raised."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    full = Output(descriptor, capacity_bytes=5_000)
    for _ in range(100):
        full.write(LINE)
    full.settle(0.05)
    full.write(LINE)
    os.close(descriptor)
    full.settle(60)


@pytest.mark.usefixtures("_impatient")
def test_what_waits_for_a_full_disk_is_written_when_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, and no line by half. The fault is played: no disk here can be filled for a moment."""
    real, room = os.write, threading.Event()

    def write(descriptor: int, data: bytes) -> int:
        if not room.is_set() and len(data) > 10:
            return real(descriptor, data[:10])
        if not room.is_set():
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    disk = Output(descriptor)
    for number in range(9):
        disk.write(f"the line {number}\n")
    room.set()
    disk.settle(60)
    assert (tmp_path / "log").read_text() == "".join(f"the line {number}\n" for number in range(9))


def test_a_pipe_that_another_process_made_impatient_loses_nothing(pipe: Pipe) -> None:
    """Whether a write waits is a property of the pipe, not of who writes: Node.js, beside us, makes it not wait."""
    os.set_blocking(pipe.output.fileno(), False)
    reader = threading.Thread(target=pipe.read, args=(200 * len(LINE),))
    reader.start()
    for _ in range(200):
        pipe.output.write(LINE)
    reader.join()
