"""The run itself: env.py, the lock, one revision after the other, progress, failures."""
