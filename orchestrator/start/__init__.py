"""A start from first to last: its steps, its end, and the events that it reports."""
