"""The user's app before it is served: its import, and the database as it sees it."""
