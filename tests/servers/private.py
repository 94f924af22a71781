"""A server of our own, as a process that tests may stop, freeze and kill."""

import abc
import functools
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from tests.servers import certificates, process_tree, unprivileged
from tests.servers.ports import HOST, free_port
from tests.servers.server import Server
from tests.servers.templates import Template

USER, PASSWORD = "app", "s3cret"


class PrivateServer(Server):
    """A server that is started here and keeps its port between starts.

    All methods block, none for long. It ends with the thread that started it, so start it in the test's own thread.
    Leaving its context kills it and removes its directory.

    Args:
        options: Options of its command line, for every start.
        certificate_for: Host names and addresses; TLS is offered with a certificate for them, which is signed by the CA
            in `ca_file`.
    """

    driver: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, *options: str, certificate_for: Sequence[str] = ()) -> None:
        super().__init__()
        self.port = free_port()
        self.options = options
        self._certificate_for = certificate_for
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @functools.cached_property
    def directory(self) -> Path:
        """Where all its files are: `data`, its log, its socket, its certificates."""
        directory = unprivileged.new_directory(f"orchestrator-{self.backend}")
        if self._certificate_for:
            certificates.make(directory, self._certificate_for)
        data = directory / "data"
        data.mkdir(mode=0o700)
        self._template().unpack(unprivileged.hand_over(data))
        return directory

    @property
    def ca_file(self) -> Path:
        """Return the CA that a client must trust."""
        return self.directory / certificates.AUTHORITY

    @property
    def application_url(self) -> URL:
        """The way in over TCP, with a password, for a user whom read-only mode binds."""
        return URL.create(self.driver, USER, PASSWORD, HOST, self.port)

    def start(self, *options: str) -> Self:
        """Start it, with these options besides its own, and return once it lets clients in."""
        assert not self._process, "it runs already"
        argv = [*self._command(), *self.options, *options]
        self._process = unprivileged.start(argv, self.directory, self._log)
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        """Let it shut down in order."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it as a power failure would; what was committed is there again at the next start."""
        self._end(signal.SIGKILL)

    def restart(self, *options: str) -> Self:
        """Stop and start it, with these options besides its own."""
        self.stop()
        return self.start(*options)

    def pause(self) -> None:
        """Freeze it: the kernel still accepts connections, but the server does not answer."""
        process_tree.send(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Continue it after pause()."""
        process_tree.send(self.process.pid, signal.SIGCONT)

    def limit_file_size(self, size_bytes: int | None) -> None:
        """Let no file of it grow beyond this, as on a disk that is full; None takes the limit away."""
        process_tree.limit_file_size(self.process.pid, size_bytes)

    def close(self) -> None:
        """Kill it, if it runs, and remove its directory."""
        if self._process:
            self.kill()
        if "directory" in vars(self):
            shutil.rmtree(self.directory)
            del self.directory

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process, "it does not run"
        return self._process

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self.process, None
        children: list[int] = []
        if process.poll() is None and number is signal.SIGKILL:
            children = process_tree.send(process.pid, number)
        process.send_signal(number)
        process.wait(timeout=30)
        process_tree.wait_until_gone(children)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")
                self.close()
                raise RuntimeError(f"{self.backend} did not start:\n{log}")
            time.sleep(0.005)

    def _answers(self) -> bool:
        try:
            for family, address in self._addresses():  # PyMySQL leaks a Unix socket that is refused
                with socket.socket(family) as client:
                    client.connect(address)
            return bool(self.execute("SELECT 1"))
        except (OSError, OperationalError):
            return False

    def _addresses(self) -> list[tuple[socket.AddressFamily, tuple[str, int] | str]]:
        """Name the addresses where it listens once it has started."""
        return [(socket.AF_INET, (HOST, self.port))]

    @abc.abstractmethod
    def _template(self) -> Template:
        """Name what its data directory begins as."""

    @abc.abstractmethod
    def _command(self) -> list[str | Path]:
        """Return the program and the options that every start has."""
