"""The command: reads a log, draws it, reports what was left out."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from orchestrator.errors import EXIT_OK
from orchestrator.timeline.picture import Picture, picture
from orchestrator.timeline.reading import Reading
from orchestrator.timeline.starts import MAX_REVISION_FACTS, MAX_STARTS, Starts
from orchestrator.timeline.story import story
from orchestrator.timeline.words import count

_PIPED_WIDTH = 80


def draw(file: Path, svg: Path | None) -> int:
    """Draw the starts in a log on standard output or into `svg`; return the exit code.

    Args:
        file: The log, in any of the forms of `reading`; `-` is standard input.
        svg: The file to write, completely or not at all.

    Raises:
        click.ClickException: a file cannot be read or written.
    """
    try:
        with _opened(file) as stream:
            drawn = read(stream)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}") from None
    if svg is None:
        sys.stdout.write(_for_terminal(drawn, sys.stdout))
        return EXIT_OK
    from orchestrator.timeline.svg import render

    try:
        _write(svg, render(drawn))
    except OSError as error:
        raise click.ClickException(f"{svg} cannot be written: {error.strerror or error}") from None
    sys.stderr.write("".join(f"orchestrator: {remark}\n" for remark in drawn.remarks))
    return EXIT_OK


def read(stream: BinaryIO) -> Picture:
    """Return the picture of a log."""
    reading, starts = Reading(stream), Starts()
    for line in reading:
        starts.add(line)
    return picture([story(start) for start in starts.by_boot_id.values()], list(_remarks(reading, starts)))


def _remarks(reading: Reading, starts: Starts) -> Iterator[str]:
    if starts.left_out:
        yield f"{count(starts.left_out, 'more start')} left out: {MAX_STARTS} are drawn. Cut the log by time or task."
    if starts.revisions_left_out:
        yield f"{count(starts.revisions_left_out, 'revision')} left out: {MAX_REVISION_FACTS:,} lines of them are read."
    if reading.skipped:
        yield f"{count(reading.skipped, 'line')} skipped that {'is' if reading.skipped == 1 else 'are'} not ours."


def _for_terminal(drawn: Picture, stdout: TextIO) -> str:
    from orchestrator.timeline.text import Paint, render

    encoding = stdout.encoding or "utf-8"
    on_terminal = stdout.isatty()
    paint = Paint(
        width=shutil.get_terminal_size().columns if on_terminal else _PIPED_WIDTH,
        colours=on_terminal and not os.environ.get("NO_COLOR"),
        blocks=_has("█━✖→", encoding),
    )
    return render(drawn, paint).encode(encoding, "replace").decode(encoding)


def _has(characters: str, encoding: str) -> bool:
    try:
        characters.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if file == Path("-"):
        yield sys.stdin.buffer
    else:
        with file.open("rb") as stream:
            yield stream


def _write(file: Path, content: bytes) -> None:
    """Replace a file when its content is complete; write to a device or pipe directly."""
    if file.exists() and not file.is_file():
        file.write_bytes(content)
        return
    target = file.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
