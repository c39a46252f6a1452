"""One Hub, asked with more or less patience."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.hub.resolver import Hub


@dataclass(frozen=True, slots=True)
class Hubs:
    """The same Hub twice.

    Attributes:
        patient: Tries as often as it may: nobody else knows the answer.
        brief: Tries twice: something is known here that can answer instead.
    """

    patient: Hub
    brief: Hub
