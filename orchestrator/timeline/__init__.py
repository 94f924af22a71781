"""`orchestrator timeline`: pictures of starts, from their log lines.

Data flows one way: bytes (`reading`, `documents`) become lines, lines what is known of each start (`starts`), that its
phases (`phases`), these a picture (`picture`, `axis`), and that text or SVG (`text`, `svg`).
"""

from orchestrator.timeline.drawing import draw

__all__ = ["draw"]
