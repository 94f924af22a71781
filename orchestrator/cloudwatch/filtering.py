"""`orchestrator filter PATTERN [FILE]`: prints the lines that a filter pattern matches, byte for byte."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from orchestrator.cloudwatch.patterns import Pattern, PatternError
from orchestrator.errors import EXIT_OK, EXIT_USAGE

EXIT_NONE = 1
LONGEST_BYTES = 1024 * 1024  # CloudWatch's largest event
_CHUNK_BYTES = 256 * 1024
_STDIN, _STDOUT = 0, 1


def print_matches(pattern: str, file: Path) -> int:
    """Print the lines of `file` that match; `-` is standard input.

    A line that is not a JSON object matches nothing. Lines longer than LONGEST_BYTES are skipped and counted on stderr,
    so that memory stays bounded. A match is written as soon as it is read, so the output of a running program can be
    followed.

    Returns:
        The exit code: 0 if some matched, 1 if none did, 64 if the pattern is invalid or reading or writing failed.
    """
    piped = str(file) == "-"
    try:
        compiled = Pattern.compile(pattern)
        with open(_STDIN if piped else file, "rb", buffering=0, closefd=not piped) as source:
            return _copy(compiled, Lines(source.fileno()))
    except PatternError as error:
        return _refuse(f"the pattern is invalid {error}")
    except OSError as error:
        return _refuse(f"cannot go on: {error}")


class Lines:
    """The lines of an open file, in batches as they arrive, with their newlines.

    Attributes:
        skipped: How many were longer than LONGEST_BYTES so far.
    """

    def __init__(self, descriptor: int) -> None:
        self.skipped = 0
        self._descriptor = descriptor

    def __iter__(self) -> Iterator[list[bytes]]:
        """Read to the end.

        Raises:
            OSError: The system cannot read it.
        """
        rest, overlong = b"", False  # an incomplete line; whether its beginning was already too long
        while chunk := os.read(self._descriptor, _CHUNK_BYTES):
            *ended, rest = (rest + chunk).split(b"\n")
            if overlong:
                overlong = not ended
                ended, rest = ended[1:], b"" if overlong else rest
            if len(rest) > LONGEST_BYTES:
                rest, overlong = b"", True
                self.skipped += 1
            yield [line + b"\n" for line in ended if self._fits(line)]
        yield [rest] if rest else []

    def _fits(self, line: bytes) -> bool:
        fits = len(line) <= LONGEST_BYTES
        self.skipped += not fits
        return fits


def _copy(pattern: Pattern, lines: Lines) -> int:
    result = EXIT_NONE
    for batch in lines:
        if found := b"".join([line for line in batch if pattern.matches_line(line)]):
            result = EXIT_OK
            _write(found)
    if lines.skipped:
        _say(f"lines that were skipped, being longer than the {LONGEST_BYTES:,} bytes of an event: {lines.skipped}")
    return result


def _write(data: bytes) -> None:
    """Write to descriptor 1, because sys.stdout would keep what it cannot write and try again at exit."""
    left = memoryview(data)
    while left:
        left = left[os.write(_STDOUT, left) :]


def _refuse(sentence: str) -> int:
    _say(sentence)
    return EXIT_USAGE


def _say(sentence: str) -> None:
    sys.stderr.write(f"orchestrator filter: {sentence}\n")
