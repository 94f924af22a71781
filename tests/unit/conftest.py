"""What the unit tests share."""

import hypothesis

# Two cores, shared with real databases: a slow example is no fault, and what failed once must fail again.
hypothesis.settings.register_profile("unit", deadline=None, derandomize=True, max_examples=100, database=None)
hypothesis.settings.load_profile("unit")
