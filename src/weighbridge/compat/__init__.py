"""The known interfaces, each translated to client calls in one place."""
