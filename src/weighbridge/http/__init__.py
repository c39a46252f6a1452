"""One transport: connections, messages, redirects, pacing and retry verdicts."""
