"""The entrypoint of a FastAPI and Alembic container: wait for the database, migrate it safely, serve."""

import time

STARTED = time.monotonic()
"""When the process began, by the clock that nobody sets: this is the first module of ours that runs."""
