"""Alembic, and what Alembic lacks: a tree read without importing it, a lock, and reports of what is durable."""
