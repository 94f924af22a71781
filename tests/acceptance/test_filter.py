"""`orchestrator filter`: prints the lines that CloudWatch's filter patterns match, for any file."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "orchestrator")
A_IS_1 = "{ $.a = 1 }"
LONGEST = 1024 * 1024
ENOUGH_BYTES = 100 * 1024 * 1024  # of memory, the interpreter included


def filtered(data: bytes, pattern: str = A_IS_1, file: str | Path = "-") -> subprocess.CompletedProcess[bytes]:
    """Run it over standard input, or over a file."""
    command = (*COMMAND, "filter", pattern, str(file))
    return subprocess.run(command, input=data, capture_output=True, check=False)


def started(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start a command whose standard input is still to come."""
    command = (*COMMAND, *arguments)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE)


def peak_bytes(process: subprocess.Popen[bytes]) -> int:
    """Return its peak memory so far; not `ru_maxrss`, which includes the parent's memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


# ---------------------------------------------------------------- what it prints


def test_matching_lines_are_printed_as_they_are() -> None:
    """They may be evidence: blanks, carriage returns, the order of the fields and the missing last newline stay."""
    matching = [b' { "b" :2,"a":\t1.0 } \n', b'{"a": 1}\r\n', b'{"a":"1", "b": "\xc3\xa9\\u00e9"}\n', b'{"a":1}']
    found = filtered(b'{"a": 2}\n'.join(matching))
    assert found.stdout == b"".join(matching)
    assert (found.returncode, found.stderr) == (0, b"")


def test_no_match_is_exit_code_1_and_silence() -> None:
    """As grep has it: a script asks `if orchestrator filter …`."""
    found = filtered(b'{"a": 2}\nno event at all\n')
    assert (found.returncode, found.stdout, found.stderr) == (1, b"", b"")


def test_nothing_to_read_is_exit_code_1() -> None:
    """Same, of an empty log."""
    assert filtered(b"").returncode == 1
    assert filtered(b"\n\n").returncode == 1


def test_a_file_can_be_named(tmp_path: Path) -> None:
    """The other way to give the input."""
    log = tmp_path / "log"
    log.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    assert filtered(b'{"a": 1, "b": 1}\n', file=log).stdout == b'{"a": 1}\n'


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 100,
        bytes(range(256)),
        b'\xff\xfe{"a": 1}',
        b'{"a": 1',
        b'{"a": 1}{"a": 1}',
        b"INFO:     Started server process [1]",
        b'{"a": ' * 100_000,
        b'[{"a": 1}]',
        b'{"a": 1, "b": NaN}',
        b"\x1f\x8b\x08\x00" + os.urandom(1000).replace(b"\n", b""),
    ],
    ids=["nul", "bytes", "utf-16", "truncated", "two", "text", "deep", "array", "nan", "gzip"],
)
def test_a_line_that_is_not_an_event_matches_nothing_and_stops_nothing(garbage: bytes) -> None:
    """Logs have banners, tracebacks and broken lines; CloudWatch passes over them too."""
    found = filtered(garbage + b'\n{"a": 1}\n', "{ $.b NOT EXISTS }")
    assert (found.returncode, found.stdout, found.stderr) == (0, b'{"a": 1}\n', b"")


# ---------------------------------------------------------------- what is wrong with the question


def test_an_invalid_pattern_is_exit_code_64_and_one_line_that_says_where() -> None:
    """Nothing is read and nothing is printed."""
    found = filtered(b'{"a": 1}\n', "{ $.a IS\nNOT NULL }")
    assert (found.returncode, found.stdout) == (64, b"")
    assert found.stderr.decode() == (
        "orchestrator filter: the pattern is invalid at character 10: expected NULL, TRUE or FALSE:"
        " { $.a IS\\n-->NOT NULL }\n"
    )


@pytest.mark.parametrize("pattern", ["", "ERROR", "[ip, user]", "-", "\udcff", "{" * 100_000])
def test_an_invalid_json_pattern_is_exit_code_64(pattern: str) -> None:
    """CloudWatch's other languages, and no language: an empty pattern would match everything there."""
    found = filtered(b'{"a": 1}\n', pattern)
    assert (found.returncode, found.stdout, found.stderr.count(b"\n")) == (64, b"", 1)


@pytest.mark.parametrize("file", ["/nowhere", "/", "/proc/self/mem"])
def test_a_file_that_cannot_be_read_is_exit_code_64(file: str) -> None:
    """It must not look as if nothing matched."""
    found = filtered(b"", file=file)
    assert (found.returncode, found.stdout, found.stderr.count(b"\n")) == (64, b"", 1)


def test_output_that_cannot_be_written_is_exit_code_64() -> None:
    """A full disk must not look like success."""
    with Path("/dev/full").open("wb") as full:
        command = (*COMMAND, "filter", A_IS_1)
        found = subprocess.run(command, input=b'{"a": 1}\n', stdout=full, stderr=subprocess.PIPE, check=False)
    assert found.returncode == 64
    assert b"No space left on device" in found.stderr
    assert found.stderr.count(b"\n") == 1


# ---------------------------------------------------------------- how much there may be


def test_a_million_lines_need_as_little_memory_as_a_few() -> None:
    """It is a stream."""
    thousand = b'{"a": 2, "event": "request", "path": "/plants"}\n' * 1000
    with started("filter", A_IS_1) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(1000):
            process.stdin.write(thousand)
        process.stdin.write(b'{"a": 1}\n')
        process.stdin.flush()
        assert process.stdout.readline() == b'{"a": 1}\n'
        assert peak_bytes(process) < ENOUGH_BYTES
        process.stdin.close()
    assert process.returncode == 0


def test_an_endless_line_is_skipped_and_counted() -> None:
    """CloudWatch accepts no event above 1 MB; memory stays bounded for any input."""
    with started("filter", A_IS_1) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b'{"a": 1}\n')
        for _ in range(300):
            process.stdin.write(b"x" * LONGEST)
        process.stdin.write(b'\n{"a": 1.0}\n')
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == [b'{"a": 1}\n', b'{"a": 1.0}\n']
        assert peak_bytes(process) < ENOUGH_BYTES
        process.stdin.close()
        said = process.stderr.read().decode()
    skipped = "lines that were skipped, being longer than the 1,048,576 bytes of an event: 1"
    assert said == f"orchestrator filter: {skipped}\n"


@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_longest_event_is_read_and_a_longer_one_is_not(end: bytes) -> None:
    """The limit is CloudWatch's, to the byte."""
    longest = b'{"a": 1}'.ljust(LONGEST)
    assert filtered(longest + end).stdout == longest + end
    found = filtered(b'{"a": 1}\n' + longest + b" " + end)
    assert found.stdout == b'{"a": 1}\n'
    assert found.stderr.endswith(b": 1\n")


# ---------------------------------------------------------------- when it ends


def test_a_match_is_printed_before_the_next_line_comes() -> None:
    """`docker logs -f … | orchestrator filter …` is looked at while it runs."""
    with started("filter", A_IS_1) as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            line = b'{"a": 1, "b": %d}\n' % number
            process.stdin.write(line + b'{"a": 2}\n{"a": ')
            process.stdin.flush()
            assert process.stdout.readline() == line
            process.stdin.write(b"3}\n")
        process.stdin.close()
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it(number: signal.Signals) -> None:
    """The handlers of `serve` would only record it, and the tool would keep waiting for its standard input."""
    with started("filter", A_IS_1) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b'{"a": 1}\n')
        process.stdin.flush()
        assert process.stdout.readline() == b'{"a": 1}\n'
        process.send_signal(number)
        assert process.stderr.read() == b""
        assert process.wait() == -number


@pytest.mark.parametrize("arguments", [("filter", A_IS_1), ("events",), ("cloudwatch",)], ids=lambda given: given[0])
def test_the_end_of_its_reader_ends_it_quietly(arguments: tuple[str, ...]) -> None:
    """`| head` has what it wanted: no traceback, no message."""
    reader, writer = os.pipe()
    os.close(reader)
    process = started(*arguments, stdout=writer)
    os.close(writer)
    _, said = process.communicate(b'{"a": 1}\n')
    assert (process.returncode, said) == (-signal.SIGPIPE, b"")


def test_a_start_does_not_pay_for_it() -> None:
    """The parser and RE2 are for this command; `serve` imports neither."""
    modules = "orchestrator.command_line.cli, orchestrator.start.process"
    code = f"import sys, {modules}; sys.exit(bool({{'lark', 're2'}} & set(sys.modules)))"
    assert subprocess.run((sys.executable, "-c", code), check=False).returncode == 0
