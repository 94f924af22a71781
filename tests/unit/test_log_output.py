"""Standard output while its reader stalls, leaves or comes back, on real pipes: while serving, nothing waits."""

import contextlib
import logging
import os
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.log import output
from orchestrator.log.output import Output

FULL = 65_536  # bytes of a pipe without a reader
LINE = "x" * 999 + "\n"


class Pipe:
    """A pipe with an `Output` on one end."""

    def __init__(self, capacity_bytes: int = 1_000_000) -> None:
        self.reading, writing = os.pipe()
        self.output = Output(writing, capacity_bytes)

    def fill(self) -> int:
        """Fill it to the brim, as a reader that stalls does; returns how many bytes that took."""
        os.set_blocking(self.output.fileno(), False)
        written = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                written += os.write(self.output.fileno(), b"-" * 4_096)
        os.set_blocking(self.output.fileno(), True)
        return written

    def close(self) -> None:
        """Close both ends, the one that is read first: then nothing waits to be written where others write by then."""
        with contextlib.suppress(OSError):
            os.close(self.reading)
        self.output.settle(60)
        with contextlib.suppress(OSError):
            os.close(self.output.fileno())

    def read(self, size: int) -> str:
        """Read so many bytes, once they are there."""
        data = b""
        while len(data) < size:
            data += os.read(self.reading, size - len(data))
        return data.decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe that is closed in the end, so that no thread is left waiting for it."""
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a reader, nor for a disk."""
    monkeypatch.setattr(output, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(output, "RETRY_SECONDS", 0.01)


def test_while_serving_the_lines_of_requests_are_written_together(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """To wake the thread for each one doubled what a request's line costs."""
    monkeypatch.setattr(output, "GATHER_SECONDS", 60)
    pipe.output.unblock()
    for _ in range(3):
        pipe.output.write_line(b"line\n")
    assert not pipe.output.idle
    pipe.output.settle(60)  # the end does not wait for more lines
    assert os.read(pipe.reading, 100) == b"line\n" * 3


def test_while_serving_what_the_app_says_is_written_at_once(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be its last line before memory is short; the lines before it come first."""
    monkeypatch.setattr(output, "GATHER_SECONDS", 60)
    pipe.output.unblock()
    pipe.output.write_line(b"request\n")
    pipe.output.write("words\n")
    assert pipe.read(14) == "request\nwords\n"


def test_while_starting_a_line_is_written_when_write_returns(pipe: Pipe) -> None:
    """It is safe against a crash, and in order, from any thread."""
    pipe.output.write("one\n")
    assert os.read(pipe.reading, 100) == b"one\n"
    threads = [threading.Thread(target=pipe.output.write, args=(f"{number}\n",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pipe.read(50).split(), key=int) == [str(number) for number in range(20)]


def test_a_line_longer_than_a_pipe_is_written_whole(pipe: Pipe) -> None:
    """Part by part, as it is read."""
    long = "ä" * FULL + "\n"
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read(len(long.encode()))))
    reader.start()
    pipe.output.write(long)
    reader.join()
    assert read == [long]


def test_once_serving_no_thread_waits_for_a_reader_and_nothing_is_lost(pipe: Pipe) -> None:
    """What finds room waits for it, in order."""
    full = pipe.fill()
    pipe.output.unblock()
    for number in range(500):
        pipe.output.write(f"{number:03}\n")
    assert pipe.read(full) == "-" * full
    assert pipe.read(2_000).split() == [f"{number:03}" for number in range(500)]


@pytest.mark.usefixtures("_impatient")
def test_a_reader_that_stalls_while_starting_is_waited_for_within_a_limit(pipe: Pipe) -> None:
    """The first line that cannot be written in time is the last one that is waited for; all arrive when it is read."""
    full = pipe.fill()
    for number in range(100):
        pipe.output.write(f"{number:03}\n")
    assert pipe.read(full) == "-" * full
    assert pipe.read(400).split() == [f"{number:03}" for number in range(100)]


def test_a_waiting_thread_is_released_when_serving_begins(pipe: Pipe) -> None:
    """A thread of the app may stand there with the lock of the logging, for which the loop would wait."""
    full = pipe.fill()
    writer = threading.Thread(target=pipe.output.write, args=("late\n",))
    writer.start()
    while not pipe.output._writer:  # noqa: SLF001  # it waits now
        time.sleep(0.001)
    pipe.output.unblock()
    writer.join()
    assert pipe.read(full + 5).endswith("-late\n")


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


def test_the_end_waits_for_a_slow_reader_and_then_writes_directly_again(pipe: Pipe) -> None:
    """The last lines of a process come after the threads have ended."""
    full = pipe.fill()
    pipe.output.unblock()
    pipe.output.write("waiting\n")
    reader = threading.Thread(target=pipe.read, args=(full + 8,))
    reader.start()
    pipe.output.settle(60)
    reader.join()
    pipe.output.write("last\n")
    assert os.read(pipe.reading, 100) == b"last\n"


def test_the_end_does_not_wait_without_limit(pipe: Pipe) -> None:
    """A reader that stalls for good must not keep the process."""
    pipe.fill()
    pipe.output.unblock()
    pipe.output.write("waiting\n")
    pipe.output.settle(0.01)
    pipe.output.write("never\n")


def test_a_destructor_that_logs_in_the_middle_of_a_write_does_not_wait(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector runs it anywhere: it must neither deadlock nor stand within another line."""
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if data.startswith(b"outer"):
            pipe.output.write("inner\n")
            return real(descriptor, data[:3])
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    pipe.output.write("outer\n")
    assert os.read(pipe.reading, 100) == b"outer\ninner\n"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_writes_its_own_lines_and_not_those_of_its_parent(pipe: Pipe) -> None:
    """It has no thread that would write, and what waits is its parent's."""
    full = pipe.fill()
    pipe.output.unblock()
    pipe.output.write("ours\n")
    child = os.fork()
    if not child:
        try:
            pipe.output.write("theirs\n")
        finally:
            os._exit(0)
    pipe.read(full)
    assert sorted(pipe.read(12).splitlines()) == ["ours", "theirs"]
    assert os.waitpid(child, 0)[1] == 0


def test_a_terminal_is_one() -> None:
    """The format depends on it."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    terminal = Output(theirs)
    assert terminal.isatty()
    assert terminal.writable()
    terminal.write("shown \udcff\n")
    assert os.read(ours, 100) == b"shown \\udcff\n"
    os.close(ours)
    os.close(theirs)
