"""All scenarios, in the order in which they are shown."""

from __future__ import annotations

from proof.scenario import Scenario
from proof.scenarios import bill, contents, crash, paths, ranges, refusals, secrets, sharing, silence, wire

__all__ = ["SCENARIOS", "Scenario"]

_MODULES = (wire, ranges, contents, crash, silence, refusals, secrets, paths, sharing, bill)

SCENARIOS: tuple[Scenario, ...] = tuple(
    sorted((scenario for module in _MODULES for scenario in module.SCENARIOS), key=lambda scenario: scenario.promise)
)
