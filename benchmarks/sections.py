"""What is found by other means than rows, as values that a report, a chart and a file can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.targets import Verdict


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a panel.

    Attributes:
        name: Who it is.
        value: How long it is; 1 is where the panel's line is.
        words: The figure, as it is printed beside it.
    """

    name: str
    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars that may be compared.

    Attributes:
        title: What all of them do.
        line: What the line at 1 stands for.
        bars: In the order in which they are drawn.
    """

    title: str
    line: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What was found by other means than rows.

    Attributes:
        name: What ``--only`` calls it.
        title: Its heading.
        about: What was done, and how to read it.
        head: Of its table.
        lines: Of its table.
        verdicts: What became of its targets.
        panels: What of it is drawn.
        data: Every figure, ready for ``json.dumps``.
        is_right: Nothing failed, and all files were right.
    """

    name: str
    title: str
    about: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    verdicts: Sequence[Verdict]
    panels: Sequence[Panel]
    data: object
    is_right: bool
