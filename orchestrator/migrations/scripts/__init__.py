"""The revision tree on disk: where Alembic's scripts are, what they declare, the manifest that `freeze` writes."""
