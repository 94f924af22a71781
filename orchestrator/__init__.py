"""The entrypoint of a FastAPI and Alembic container: wait, migrate, serve."""
