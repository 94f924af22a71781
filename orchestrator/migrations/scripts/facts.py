"""Facts about a script for the journal and the manifest: the checksum of its file, and its description."""

import hashlib
import os
from pathlib import Path

_CHUNK_BYTES = 65_536


def checksum(content: bytes) -> str:
    """Return the SHA-256 of the content of a file."""
    return hashlib.sha256(content).hexdigest()


def checksum_of(path: Path | str) -> str:
    """Return the SHA-256 of a file. A start reads all scripts: this takes half the time of `Path.read_bytes`.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(descriptor, _CHUNK_BYTES)
        while part := os.read(descriptor, _CHUNK_BYTES):  # a short part need not be the last one on every file system
            content += part
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None  # `os.read` names no file
    finally:
        os.close(descriptor)
    return checksum(content)


def description_of(docstring: str | None) -> str:
    """Return the first line of a script's docstring, as Alembic shows it; empty without one."""
    return (docstring or "").partition("\n")[0].strip()
