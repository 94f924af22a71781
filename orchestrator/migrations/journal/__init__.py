"""The execution of statements and its durable record: what ran, what a resume may skip, when it must refuse."""
