"""The verbs that look after the cache."""
