"""Finds what is otherwise than it should be in a cache; changes nothing but what we note of contents."""
