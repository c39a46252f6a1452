"""What is known of a remote file's state, and what an earlier run left of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.core.ranges import RangeSet


@dataclass(frozen=True, slots=True)
class Validator:
    """What tells one state of a remote file from another (RFC 9110, section 8.8).

    Attributes:
        etag: As sent, quotes and ``W/`` kept; None if absent or malformed.
        last_modified: As sent; None if absent.
    """

    etag: str | None = None
    last_modified: str | None = None

    @property
    def strong_etag(self) -> str | None:
        """The ETag if it is strong: the only kind that may pin ranges together (RFC 9110, 13.1.5)."""
        return self.etag if self.etag is not None and not self.etag.startswith("W/") else None

    def completed_by(self, other: Validator) -> Validator:
        """Return this one, with what it lacks taken from ``other``: an answer need not repeat what is known."""
        return Validator(self.etag or other.etag, self.last_modified or other.last_modified)

    def contradicts(self, other: Validator) -> bool:
        """Tell whether both can't describe the same bytes; what one of them lacks proves nothing."""
        if self.etag is not None and other.etag is not None:
            return self.etag.removeprefix("W/") != other.etag.removeprefix("W/")
        if self.last_modified is not None and other.last_modified is not None:
            return self.last_modified != other.last_modified
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What an earlier run left behind.

    Attributes:
        size: Whole size in bytes that it learned; None if it learned none.
        written: Bytes it is known to have written.
        prefixes: Hex digest of the first N bytes, by N: the state it hashed them in.
        validator: Of the remote file as it saw it.
    """

    size: int | None = None
    written: RangeSet = field(default_factory=RangeSet)
    prefixes: Mapping[int, str] = field(default_factory=dict)
    validator: Validator = field(default_factory=Validator)
