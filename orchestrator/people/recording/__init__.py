"""Runs a revision's `upgrade` without a database, to record its SQL."""
