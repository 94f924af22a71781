"""`orchestrator timeline`: pictures of starts, drawn from their log lines.

Data flows one way: bytes become lines (`reading`, `documents`), lines become facts about each start (`starts`), facts
become phases (`phases`), phases a picture (`picture`, `axis`), and the picture text or SVG (`text`, `svg`).
"""

from orchestrator.timeline.drawing import draw

__all__ = ["draw"]
