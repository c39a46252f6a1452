"""Values and pure functions: no I/O, and nothing of ours is imported here."""
