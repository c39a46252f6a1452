"""The gate of places that no other client knows."""

from __future__ import annotations

from weighbridge.store.gates import OPEN, Gate


def test_open_gate_lets_everybody_in() -> None:
    """Where there is nobody to wait for, nobody waits."""
    gate: Gate = OPEN

    entered = [gate.try_enter(), gate.try_enter()]
    gate.leave()

    assert entered == [True, True]
    assert gate.signs() == gate.signs()
