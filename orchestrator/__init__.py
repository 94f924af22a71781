"""The entrypoint of a FastAPI and Alembic container: wait for the database, migrate it safely, serve."""

import time

STARTED = time.time()
"""When the process began, in seconds since the epoch: this is the first module of ours that runs."""
