"""The command: one verb a file, and what they share."""
