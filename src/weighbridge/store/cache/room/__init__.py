"""Room in a cache: what takes how much of it, and what may leave."""
