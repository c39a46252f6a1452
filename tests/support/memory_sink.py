"""A sink in memory, which checks what a transfer promises to sinks: no overlap, no note about what isn't there."""

from __future__ import annotations

from dataclasses import dataclass, field

from weighbridge.core.ranges import RangeSet
from weighbridge.core.recovery import Recovered, Validator


@dataclass(slots=True)
class MemorySink:
    """Holds the bytes of one artifact; ``noted`` is what its journal would say.

    Attributes:
        recovered: What an earlier run left.
        content: The bytes, as far as written.
        noted: Recorded and not voided since.
        size: As last told.
        validator: As last told.
        prefixes: Prefix digests noted in this run, by length.
        is_finished: Whether it was told that all is right.
    """

    recovered: Recovered = field(default_factory=Recovered)
    content: bytearray = field(default_factory=bytearray)
    noted: RangeSet = field(default_factory=RangeSet)
    size: int | None = None
    validator: Validator = field(default_factory=Validator)
    prefixes: dict[int, str] = field(default_factory=dict)
    resets: int = 0
    touches: int = 0
    is_finished: bool = False

    @classmethod
    def holding(
        cls, content: bytes, written: RangeSet, validator: Validator | None = None, **more: object
    ) -> MemorySink:
        """Return a sink in which an earlier run has left ``written`` of ``content``, and zeros elsewhere."""
        left = bytearray(len(content))
        for span in written:
            left[span.start : span.stop] = content[span.start : span.stop]
        recovered = Recovered(
            size=len(content),
            written=written.copy(),
            validator=validator or Validator(),
            **more,  # type: ignore[arg-type]
        )
        return cls(recovered=recovered, content=left, noted=written.copy(), size=len(content))

    def resize(self, size: int, validator: Validator) -> None:
        """Learn the whole size."""
        self.size, self.validator = size, validator
        self.content = self.content[:size].ljust(size, b"\0")

    def write(self, offset: int, data: bytes) -> None:
        """Put ``data`` at ``offset``."""
        stop = offset + len(data)
        self.content = self.content.ljust(stop, b"\0")
        self.content[offset:stop] = data

    def record(self, start: int, stop: int) -> None:
        """Note that ``[start, stop)`` was written."""
        self.noted.add(start, stop)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``."""
        found = bytes(self.content[offset : offset + len(buffer)])
        buffer[: len(found)] = found
        return len(found)

    def note_prefix(self, offset: int, digest: str) -> None:
        """Note the digest of the first ``offset`` bytes."""
        self.prefixes[offset] = digest

    def discard(self, start: int, stop: int) -> None:
        """Note that ``[start, stop)`` is void."""
        self.noted.discard(start, stop)

    def reset(self) -> None:
        """Note that everything is void."""
        self.noted, self.size = RangeSet(), None
        self.resets += 1

    def flush(self) -> None:
        """Nothing survives a power loss here."""

    def touch(self) -> None:
        """Count it."""
        self.touches += 1

    def finish(self) -> None:
        """Take note that all is right."""
        self.is_finished = True
