"""The project's own commands before and after the migration: which, and how they run."""
