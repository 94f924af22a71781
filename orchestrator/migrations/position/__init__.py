"""Where the database is relative to this image: its current heads, the target, the lineage between them."""
