"""What may hit a walk, and how it is dealt: each at one of the numbered steps of the walk."""

from __future__ import annotations

import errno
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.support.shims import Shims

_TAKING_ROOM = frozenset({"open", "excl", "write", "pwrite", "copy", "named", "link", "mkdir", "symlink", "ftruncate"})
_OPENING = frozenset({"read", "open", "excl"})
_PASSIVE = frozenset({"read"})
_MOST_TORN = 4096


class Kind(Enum):
    """What happens at the step; a value is the word that is printed."""

    KILL = "kill"
    """``kill -9``."""
    TORN = "torn write"
    """``kill -9`` in the middle of a write."""
    STOP = "stop"
    """The process stands still while another one does the same, and goes on afterwards."""
    FULL = "full disk"
    """From there on there is no room."""
    READ_ONLY = "read-only"
    """From there on nothing may be changed."""
    DESCRIPTORS = "descriptors"
    """From there on nothing can be opened."""
    BROKEN = "broken disk"
    """One call fails with ``EIO``."""
    POWER = "power loss"
    """What was not flushed by then is there or not, and the machine starts anew."""


_RULES: Mapping[Kind, str] = {
    Kind.KILL: "any {place} {nth} {when} kill",
    Kind.TORN: "any {place} {nth} before torn:{amount}",
    Kind.STOP: "any {place} {nth} {when} stop",
    Kind.FULL: f"grow {{place}} -{{nth}} before errno:{errno.ENOSPC}",
    Kind.READ_ONLY: f"any {{place}} -{{nth}} before errno:{errno.EROFS}",
    Kind.DESCRIPTORS: f"opening {{place}} -{{nth}} before errno:{errno.EMFILE}",
    Kind.BROKEN: f"any {{place}} {{nth}} before errno:{errno.EIO}",
}

LETHAL = frozenset({Kind.KILL, Kind.TORN})
REFUSING = frozenset({Kind.FULL, Kind.READ_ONLY, Kind.DESCRIPTORS, Kind.BROKEN})


@dataclass(frozen=True, slots=True)
class Step:
    """A call that changes something below the root of a place, or opens something there.

    Attributes:
        call: As ``stopper.c`` names it.
        path: Relative to the root.
    """

    call: str
    path: str


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that happens.

    Attributes:
        kind: What.
        number: At which of the steps that it can happen at, from 1.
        when: ``before`` the call, or ``after`` it.
        amount: How many bytes of a torn write are written.
    """

    kind: Kind
    number: int
    when: str = "before"
    amount: int = 0

    def rule(self, root: Path) -> str:
        """Return the rule that lets it happen; a power loss has none, since it is made up afterwards."""
        if self.kind not in _RULES:
            return ""
        return _RULES[self.kind].format(place=f"{root}*", nth=self.number, when=self.when, amount=self.amount)


def noting(shims: Shims, root: Path, notes: Path) -> dict[str, str]:
    """Return the environment of a process whose steps below ``root`` are noted."""
    rules = shims.acting(f"any {root}* 0 before note", f"read {root}* 0 before note")
    return {**rules, "WB_NOTES": str(notes)}


def read_notes(notes: Path, root: Path) -> list[Step]:
    """Return the steps that were noted, in order."""
    steps = []
    for line in notes.read_text(encoding="utf-8").splitlines():
        call, _, path = line.partition(" ")
        steps.append(Step(call, path.removeprefix(str(root)).lstrip("/")))
    return steps


def count_for(kind: Kind, steps: Sequence[Step]) -> int:
    """Return at how many of the steps a blow of a kind can happen."""
    match kind:
        case Kind.FULL:
            return sum(each.call in _TAKING_ROOM for each in steps)
        case Kind.DESCRIPTORS:
            return sum(each.call in _OPENING for each in steps)
    return sum(each.call not in _PASSIVE for each in steps)


def draw(dice: random.Random, steps: Sequence[Step], weights: Mapping[Kind, int]) -> Blow:
    """Return a blow at a random step of a walk."""
    kind = dice.choices(list(weights), list(weights.values()))[0]
    number = dice.randint(1, max(1, count_for(kind, steps)))
    return Blow(kind, number, dice.choice(("before", "after")), dice.randrange(_MOST_TORN))
