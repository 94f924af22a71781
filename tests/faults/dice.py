"""Chance that can be repeated."""

from random import Random


def dice(*seed: object) -> Random:
    """Return dice that fall alike for the same seed, on every machine."""
    return Random(" ".join(map(str, seed)))  # noqa: S311 - not secret
