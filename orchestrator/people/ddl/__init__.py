"""The effect of a statement on a table in use: how it is carried out, and which sessions it blocks."""
