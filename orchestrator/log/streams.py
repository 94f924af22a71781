"""Standard output and error as the app sees them: printed text becomes records, and the output of handlers is shown."""

import io
import os
import sys
import threading
from typing import Any, Literal

from orchestrator.log import foreign, logurus, printed
from orchestrator.log.output import Output
from orchestrator.log.queued import finish_queued
from orchestrator.log.redaction import REDACTOR
from orchestrator.log.route import record_at_hand
from orchestrator.log.told import json_object

LONGEST = 16_000  # characters without a line end: about what a line may hold


def private_stdout() -> Output:
    """Return a stream on the current standard output; file descriptor 1 itself leads to standard error from now on.

    So neither a child process nor a C library can write between the log lines.
    """
    if sys.__stdout__:
        sys.__stdout__.flush()
    stream = Output(os.dup(1))
    os.dup2(2, 1)
    return stream


class PrintedLines(io.TextIOBase):
    """Replaces `sys.stdout` or `sys.stderr`: each printed line becomes a record of the logger of that name.

    What a handler of the app writes is not printed text: it stands for the record that it handles.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self.name = f"<{name}>"
        self._logger = name
        self._unfinished: dict[int, printed.Unfinished] = {}  # by thread
        self.buffer = _PrintedBytes(self)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor for child processes, where descriptor 1 leads to standard error as well."""
        return 1 if self._logger == "stdout" else 2

    def reconfigure(self, **_options: object) -> None:
        """Accept what apps request of a `TextIOWrapper`; the stream already behaves so."""

    def detach(self) -> Any:
        """Return the stream of bytes; this stream stays usable."""
        return self.buffer

    def write(self, text: str, /) -> int:
        """Log the complete lines; keep the rest until its end comes, or until it is longer than any line."""
        record = record_at_hand()
        if type(text) is not str and (told := logurus.record_of(text)) is not None:
            foreign.show(told, json_object(text))
        elif record is not None and not _in_signal_handler():
            if text.strip():
                foreign.show(record, json_object(text))
        else:
            self._print(text)
        return len(text)

    def finish(self) -> None:
        """Log the incomplete text."""
        while self._unfinished:
            self._log(self._unfinished.popitem()[1].finished())

    def _print(self, text: str) -> None:
        if "\n" in text[:-1]:
            text = REDACTOR.known(text)  # a secret may go over several lines
        unfinished = self._unfinished.pop(threading.get_ident(), None) or printed.Unfinished()
        self._log(unfinished.add(text))
        if unfinished.length > LONGEST:
            self._log(unfinished.finished())
        elif unfinished.length:
            self._unfinished[threading.get_ident()] = unfinished

    def _log(self, texts: list[str]) -> None:
        for text in texts:
            foreign.show(*printed.record(text, self._logger))


def _in_signal_handler() -> bool:
    """Return whether the app prints inside a signal handler, which may interrupt a log handler at any place.

    Python calls a signal handler with the frame that it interrupts, and no other function with the frame that it
    returns to.
    """
    frame = sys._getframe(2)  # noqa: SLF001  # no other way
    while (caller := frame.f_back) is not None and frame.f_code is not foreign.HANDLE:
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        if len(names) > 1 and any(frame.f_locals.get(name) is caller for name in names[-2:]):
            return True
        frame = caller
    return False


class _PrintedBytes(io.BufferedIOBase):
    """The `buffer` of such a stream."""

    def __init__(self, text: PrintedLines) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def write(self, data: Any, /) -> int:
        self._text.write(bytes(data).decode(errors="backslashreplace"))
        return len(data)


def finish_prints() -> None:
    """Write the rest of the app's output at the end of the process: queued records, and text without a line end."""
    finish_queued()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, PrintedLines):
            stream.finish()
