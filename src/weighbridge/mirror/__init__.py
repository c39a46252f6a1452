"""A read-only server that every Hub client accepts, over a cache or folders of files."""
