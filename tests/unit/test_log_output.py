"""Standard output while starting, while serving and at the end, on real pipes: while serving, nothing waits."""

import os
import select
import threading
import time
import tty

import pytest

from orchestrator.log import output
from orchestrator.log.output import Output
from tests.unit.pipes import Pipe

FULL = 65_536  # bytes of a pipe without a reader


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


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_beside_a_forked_process_each_write_is_whole_lines_that_the_pipe_takes_at_once(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines of both were mixed, so neither was JSON any more."""
    full = pipe.fill()
    pipe.output.unblock()
    for number in range(100):
        pipe.output.write(f"{number:0>999}\n")
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
    written = list[bytes]()
    write = os.write

    def noted(where: int, data: bytes) -> int:
        written.append(bytes(data))
        return write(where, data)

    monkeypatch.setattr(os, "write", noted)
    pipe.read(full + 100_000)
    assert b"".join(written).count(b"\n") == 100
    assert {(data[-1:], len(data) <= select.PIPE_BUF) for data in written} == {(b"\n", True)}


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
