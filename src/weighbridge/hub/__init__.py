"""What the Hub speaks: addresses out; commits, listings, metadata and refusals in, as values."""
