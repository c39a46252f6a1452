"""What is fuzzed: a reader, what must hold whatever it reads, and input that is nearly right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis.strategies import SearchStrategy

Check = Callable[[bytes], None]
"""Reads some bytes; raises whatever an input must not be able to cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One reader.

    Attributes:
        name: Words joined by hyphens; names the corpus and the files of what broke it.
        check: What is run on each input.
        seeds: Input that is right, or that was once wrong; at least one.
        inputs: Makes input that is nearly right.
        examples: How many inputs CI tries.
        is_pure: It touches no socket, and takes well under a millisecond: a search guided by coverage pays.
    """

    name: str
    check: Check = field(repr=False)
    seeds: tuple[bytes, ...] = field(repr=False)
    inputs: SearchStrategy[bytes] = field(repr=False)
    examples: int = 60
    is_pure: bool = True
