"""Waits for other services than the database: ORCHESTRATOR_WAIT_FOR."""

import asyncio
import os
import socket
import ssl
from typing import Any, NamedTuple

from orchestrator.backoff import Backoff
from orchestrator.errors import DependencyUnreachable, StartupError
from orchestrator.events import DependencyReady, DependencyRetryScheduled, Emit
from orchestrator.patterns import pattern
from orchestrator.settings.model import Settings
from orchestrator.variables.service_address import ServiceAddress, parse

_FIRST_SECONDS, _LONGEST_SECONDS = 0.25, 5.0  # pauses between attempts, with jitter
_HEAD_BYTES = 16_384  # of a response; only its first line is used
_STATUS = pattern(rb"HTTP/\d(?:\.\d)? (\d{3})\b")
_NO_TRUST = (
    "Have this image trust the certificate's issuer (SSL_CERT_FILE names a bundle), or name the service as its "
    "certificate does."
)
_REDIRECT = "Name the address that it redirects to in ORCHESTRATOR_WAIT_FOR."


class _Cause(NamedTuple):
    """Why an attempt failed. `final`: another attempt would not help."""

    error_type: str
    error_code: int | str
    error_message: str
    hint: str = ""
    final: bool = False

    def fields(self, service: ServiceAddress, waited_seconds: float) -> dict[str, Any]:
        """Return the fields that both events of a failed attempt have."""
        return {
            "dependency": service.name,
            "waited_seconds": round(waited_seconds, 3),
            "error_type": self.error_type,
            "error_code": self.error_code,
            "error_message": self.error_message,
        }


class _NotReadyError(Exception):
    """The service answers, but not as expected."""

    def __init__(self, cause: _Cause) -> None:
        super().__init__(cause.error_message)
        self.cause = cause


async def wait_for_dependencies(settings: Settings, emit: Emit) -> None:
    """Wait until all services answer, in parallel.

    Raises:
        StartupError: with DependencyUnreachable, for the first service that does not answer in time.
    """
    budget, attempt = settings.wait_timeout_seconds, settings.connect_timeout_seconds
    waits = [_wait_for(service, budget, attempt, emit) for service in parse(settings.wait_for)]
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_for(service: ServiceAddress, budget_seconds: float, attempt_seconds: float, emit: Emit) -> None:
    loop = asyncio.get_running_loop()
    began, attempt, backoff = loop.time(), 0, Backoff(_FIRST_SECONDS, _LONGEST_SECONDS)
    while True:
        attempt += 1
        left = began + budget_seconds - loop.time()
        try:
            async with asyncio.timeout(min(attempt_seconds, max(left, 0.1))):
                await _check(service)
        except (_NotReadyError, OSError) as error:  # TimeoutError is an OSError
            cause = _cause(error)
        else:
            emit(DependencyReady(dependency=service.name, waited_seconds=round(loop.time() - began, 3)))
            return
        waited = loop.time() - began
        told = cause.fields(service, waited)
        if cause.final or waited >= budget_seconds:
            raise StartupError(DependencyUnreachable(attempts=attempt, hint=cause.hint, **told))
        seconds = min(backoff.next(), budget_seconds - waited)
        emit(DependencyRetryScheduled(attempt=attempt, retry_in_seconds=round(seconds, 3), **told))
        await asyncio.sleep(seconds)


async def _check(service: ServiceAddress) -> None:
    """Check the service once.

    Raises:
        OSError: no connection, no answer in time, or an untrusted certificate.
        _NotReadyError: an unexpected answer.
    """
    context = ssl.create_default_context() if service.url.scheme == "https" else None
    reader, writer = await asyncio.open_connection(service.url.hostname, service.port, ssl=context, limit=_HEAD_BYTES)
    try:
        if writer.get_extra_info("sockname") == writer.get_extra_info("peername"):
            raise ConnectionRefusedError("nothing listens there: this process met itself")  # possible in TCP
        if service.url.scheme != "tcp":
            writer.write(service.request())
            _judge(await _first_line(reader))
    finally:
        writer.transport.abort()


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # the line is too long
        return b"-"


def _judge(line: bytes) -> None:
    """Check that a response begins with a 2xx status."""
    if not line:
        raise _NotReadyError(_Cause("protocol", "", "it closed the connection without an answer"))
    status = _STATUS.match(line)
    if not status:
        raise _NotReadyError(_Cause("protocol", "", "what answers does not speak HTTP"))
    code = int(status[1])
    if code // 100 != 2:  # noqa: PLR2004  # success
        hint = _REDIRECT if code // 100 == 3 else ""  # noqa: PLR2004  # a redirect
        raise _NotReadyError(_Cause("http", code, f"it answered with status {code}; only 2xx is ready", hint))


def _cause(error: Exception) -> _Cause:
    if isinstance(error, _NotReadyError):
        return error.cause
    if isinstance(error, TimeoutError):
        return _Cause("timeout", "", "there was no answer in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"its certificate is not trusted: {error.verify_message}"
        return _Cause("tls", error.verify_code, message, _NO_TRUST, final=True)
    if isinstance(error, ssl.SSLError):
        return _Cause("tls", error.reason or "", f"TLS failed: {error.reason or error}")
    if isinstance(error, socket.gaierror):
        return _Cause("network", error.errno or "", f"its name cannot be resolved: {error.strerror}")
    code = getattr(error, "errno", None) or 0
    return _Cause("network", code or "", os.strerror(code).lower() if code else str(error))
