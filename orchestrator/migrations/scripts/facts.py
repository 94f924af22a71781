"""Facts about a script for the journal and the manifest: the checksum of its file, and its description."""

import hashlib
from pathlib import Path


def checksum(content: bytes) -> str:
    """Return the SHA-256 of the content of a file."""
    return hashlib.sha256(content).hexdigest()


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    return checksum(path.read_bytes())


def description_of(docstring: str | None) -> str:
    """Return the first line of a script's docstring, as Alembic shows it; empty without one."""
    return (docstring or "").partition("\n")[0].strip()
