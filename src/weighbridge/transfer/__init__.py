"""Moves the missing bytes of artifacts from any of their sources into sinks; knows no hub and no cache."""
