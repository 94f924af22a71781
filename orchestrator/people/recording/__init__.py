"""Running a revision's `upgrade` without a database, to know its SQL."""
