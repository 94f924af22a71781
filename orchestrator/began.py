"""The time when the process began."""

import time

STARTED = time.monotonic()
"""Seconds on the monotonic clock; the package imports this module before any other."""
