"""What a statement does to a table that is in use: how it is carried out, and whom it blocks meanwhile."""
