"""The revision tree on disk: the location of Alembic's scripts, what they declare, and the manifest of `freeze`."""
