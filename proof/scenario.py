"""What a scenario is: a name, a promise, a sentence, and what is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proof.outcomes import Finding, Outcome
from proof.stage import Stage

PROMISES = {
    "P1": "Never wrong bytes",
    "P2": "Progress survives",
    "P3": "No silent stall",
    "P4": "Secrets stay home",
    "P5": "Nothing outside",
    "P6": "Good neighbour",
    "P7": "Locks save work, never correctness",
    "P8": "One call, one bill",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing that happens, and which ends of it keep the promise.

    Attributes:
        name: In kebab-case.
        promise: Which one it is about, such as ``P1``.
        title: A sentence that says what happens.
        run: Makes it happen to a tool, and says what was seen.
        keeps: Outcomes that keep the promise.
        deadline_s: What has not ended by then hangs; counted from the start of the scenario.
    """

    name: str
    promise: str
    title: str
    run: Callable[[Stage], Finding]
    keeps: frozenset[Outcome] = frozenset({Outcome.RIGHT})
    deadline_s: float = 60.0

    def is_kept(self, finding: Finding) -> bool:
        """Say whether what was seen keeps the promise."""
        return finding.outcome in self.keeps or finding.outcome is Outcome.NOT_APPLICABLE
