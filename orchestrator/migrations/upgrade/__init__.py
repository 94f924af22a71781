"""The upgrade run: env.py, the lock, the revisions one after the other, progress, failures."""
