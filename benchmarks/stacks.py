"""Counts the stacks that a sampling profiler has seen: by function and by thread."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

_THREAD = re.compile(r"thread \((?P<number>\w+)\)(?:: (?P<name>.+))?")
_COUNTED = re.compile(r"-\d+$")
_SHOWN = 25


@dataclass(frozen=True, slots=True)
class Stacks:
    """How often each stack was seen.

    Attributes:
        counts: Samples, by the stack as text: frames from the outermost to the innermost, with semicolons between.
        rate: How many times a second every thread was looked at.
    """

    counts: Mapping[str, int]
    rate: int

    @property
    def seconds(self) -> float:
        """Return the seconds of all threads together."""
        return sum(self.counts.values()) / self.rate

    def by_function(self) -> Counter[str]:
        """Return the samples of each innermost function, whichever of its lines it was at."""
        found: Counter[str] = Counter()
        for stack, count in self.counts.items():
            found[_function(stack.rpartition(";")[2])] += count
        return found

    def by_thread(self) -> Counter[str]:
        """Return the samples of each thread by its name; those that are told apart by a number count together."""
        heads = [(_THREAD.fullmatch(stack.partition(";")[0]), count) for stack, count in self.counts.items()]
        names = {head["number"]: head["name"] for head, _ in heads if head and head["name"]}
        found: Counter[str] = Counter()
        for head, count in heads:
            name = names.get(head["number"], "without a name") if head else "without a name"
            found[f"thread {_COUNTED.sub('-*', name)}"] += count
        return found


def read_stacks(raw: str, rate: int) -> Stacks:
    """Return what the raw format of py-spy says: a line for each stack, which ends with its count."""
    counts: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        if stack and count.isdigit():
            counts[stack] += int(count)
    return Stacks(counts, rate)


def spending_table(busy: Stacks, locked: Stacks) -> str:
    """Return where processor time went, and beside it how much of it was under the interpreter's lock.

    Args:
        busy: Samples of the threads that were running.
        locked: Samples of the one thread that held the lock, of another run.
    """
    parts = ((busy.by_thread(), locked.by_thread()), (busy.by_function(), locked.by_function()))
    lines: list[tuple[str, str, str]] = [
        ("all threads", f"{busy.seconds:.2f}", f"{locked.seconds:.2f}"),
    ]
    for all_of, under_lock in parts:
        for name, count in all_of.most_common(_SHOWN):
            lines.append((name, f"{count / busy.rate:.2f}", f"{under_lock[name] / locked.rate:.2f}"))
    return table(("thread; function", "running, s", "holding the interpreter's lock, s"), lines)


def _function(frame: str) -> str:
    """Return a frame without its line, and its file without the folders that all files are in."""
    if _THREAD.fullmatch(frame):
        return "no function yet"
    name, _, place = frame.partition(" (")
    path = place.removesuffix(")").rpartition(":")[0] or place.removesuffix(")")
    return f"{name} ({'/'.join(path.split('/')[-3:])})" if path else name
