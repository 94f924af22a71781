"""What people and pipelines ask: `status`, `plan`, `check`. They read, print and end; nothing is changed.

A start imports none of it.
"""
