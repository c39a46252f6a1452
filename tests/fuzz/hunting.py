"""One search for input that breaks a target: by hypothesis, with a budget of examples or of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.bounds import bounded
from tests.fuzz.target import Target

_ROUND = 400  # examples between two looks at the clock and two seeds


@dataclass(slots=True, eq=False)
class Broken(Exception):  # noqa: N818 - what was looked for
    """An input that breaks a target, as small as hypothesis could make it."""

    target: str
    data: bytes
    reason: str

    def __str__(self) -> str:
        return f"{self.target} is broken by {self.data[:2000]!r}: {self.reason}"


def try_examples(target: Target, examples: int, *, number: int | None = None) -> None:
    """Try so many inputs, always the same ones without a ``number``; raises :class:`Broken` for one that breaks it."""
    last = b""

    def attempt(data: bytes) -> None:
        nonlocal last
        last = data
        target.check(data)

    hunt: Callable[[], None] = settings(
        max_examples=examples,
        derandomize=number is None,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )(given(target.inputs)(attempt))
    try:
        with bounded(60.0 + examples):
            (hunt if number is None else seed(number)(hunt))()
    except Exception as error:  # whatever it is, it should not have been
        raise Broken(target.name, last, f"{type(error).__name__}: {str(error)[-1500:]}") from error


def try_for(target: Target, seconds: float, number: int) -> int:
    """Try other inputs all the time, from the seed ``number`` on; return how many; raises :class:`Broken`."""
    until, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        try_examples(target, _ROUND if target.is_pure else target.examples, number=number + rounds)
        rounds += 1
    return rounds * (_ROUND if target.is_pure else target.examples)
