"""The BluePansy API: a small service that keeps plants in a database."""
