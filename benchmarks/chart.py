"""Draws finished runs: for each row a bar for everyone, as long as it took over what the machine allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.panels import panel_of
from benchmarks.rows import WEIGHBRIDGE
from pictures.svg import Box, Colour, Look, Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.runs import Run
    from benchmarks.sections import Bar, Panel

_DRAWN = (
    "hub-2g",
    "hub-tls",
    "md5",
    "four-sha256",
    "hub-many-far",
    "capped",
    "hub-warm",
    "starts",
    "serving",
)
"""What is drawn, in this order; the other rows say little more than these."""

_COLOURS = {
    "ours": Colour("#0969da", "#4493f8"),
    "theirs": Colour("#afb8c1", "#59636e"),
    "limit": Colour("#cf222e", "#f85149"),
}
_WIDTH, _MARGIN, _GAP = 900, 16, 28
_COLUMN = (_WIDTH - 2 * _MARGIN - _GAP) / 2
_NAMES, _LONGEST = 184, 4  # pixels for the names of a panel; how many times the limit fits into its bars
_SCALE = 36  # pixels for once the limit
_BAR, _PITCH, _HEADING, _PAUSE = 13, 18, 44, 14
_TOP = 88
_TITLE = "Time over what the machine allows: shorter is better"
_ABOUT = (
    "The line at 1 is the slower of curl to disk and openssl dgst alone in the same round (capped: curl, 8 ranges),",
    "flushed for those who flush; elsewhere the project's target. Longer bars are cut and say how long they are.",
)


def draw(runs: Sequence[Run]) -> str:
    """Return the chart of runs as an SVG file; the same runs give the same file."""
    panels = [panel for panel in _panels(runs) if panel.bars]
    columns = _columns(panels)
    height = _TOP + max((sum(map(_height, column)) for column in columns), default=0) + _MARGIN
    picture = Picture(_WIDTH, height, _TITLE, _COLOURS)
    picture.text((_MARGIN, 26), _TITLE, Look(size=15, bold=True))
    for number, words in enumerate((*_ABOUT, _setting(runs))):
        picture.text((_MARGIN, 44 + 14 * number), words, Look(colour="soft", size=11))
    for number, column in enumerate(columns):
        y = float(_TOP)
        for panel in column:
            _draw_panel(picture, panel, _MARGIN + number * (_COLUMN + _GAP), y)
            y += _height(panel)
    return picture.as_svg()


def _setting(runs: Sequence[Run]) -> str:
    """Return where and when, and who of the others: a figure is of one machine and of one version."""
    run = runs[-1]
    days = sorted({each.began.partition("T")[0] for each in runs})
    versions = [f"{name} {run.versions[name]}" for name in ("huggingface_hub",) if name in run.versions]
    sizes = "small sizes, which measure starting" if run.quick else "medians"
    facts = (
        f"{run.machine.cpu}, {run.machine.cores} cores",
        *versions,
        " to ".join(dict.fromkeys((days[0], days[-1]))),
    )
    return f"{'; '.join(facts)}; {sizes}."


def _panels(runs: Sequence[Run]) -> list[Panel]:
    found = {result.name: [panel_of(result)] for run in runs for result in run.results}
    found |= {section.name: list(section.panels) for run in runs for section in run.sections}
    return [panel for name in _DRAWN for panel in found.get(name, [])]


def _columns(panels: Sequence[Panel]) -> tuple[Sequence[Panel], Sequence[Panel]]:
    """Part the panels, in their order, where the two columns are nearest to one height."""
    splits = ((panels[:number], panels[number:]) for number in range(len(panels) + 1))
    return min(splits, key=lambda both: max(sum(map(_height, column)) for column in both))


def _height(panel: Panel) -> float:
    return _HEADING + _PITCH * len(panel.bars) + _PAUSE


def _draw_panel(picture: Picture, panel: Panel, x: float, y: float) -> None:
    name, _, title = panel.title.partition(": ")
    start, bottom = x + _NAMES, y + _HEADING + _PITCH * len(panel.bars)
    picture.text((x, y + 14), name, Look(size=12, bold=True))
    picture.text((x, y + 28), title, Look(colour="soft", size=11))
    for number, bar in enumerate(panel.bars):
        _draw_bar(picture, bar, start, y + _HEADING + _PITCH * number)
    picture.line((start, y + _HEADING - 4), (start, bottom), "rule")
    picture.line((start + _SCALE, y + _HEADING - 4), (start + _SCALE, bottom), "limit", dashes="3 2")
    picture.text((start + _SCALE + 4, y + _HEADING - 2), panel.line, Look(colour="limit", size=9))


def _draw_bar(picture: Picture, bar: Bar, x: float, y: float) -> None:
    is_ours = bar.name.startswith((WEIGHBRIDGE, f"from {WEIGHBRIDGE}", f"curl from {WEIGHBRIDGE}"))
    length = min(bar.value, _LONGEST) * _SCALE
    middle = y + _BAR - 3
    picture.text((x - 6, middle), bar.name, Look(size=11, anchor="end", bold=is_ours))
    picture.box(
        Box(x=x, y=y, width=max(length, 1), height=_BAR, round=1),
        "ours" if is_ours else "theirs",
        hint=f"{bar.name}: {bar.words}",
    )
    if bar.value > _LONGEST:  # a cut through the bar says that it is longer
        cut = x + length - 10
        picture.line((cut, y + _BAR), (cut + 5, y), "paper")
        picture.line((cut + 3, y + _BAR), (cut + 8, y), "paper")
    picture.text((x + (length if bar.value > 1 else _SCALE) + 5, middle), bar.words, Look(size=11))
