"""Draws what every tool did in every scenario: a word on a colour for each."""

from __future__ import annotations

from pictures.svg import Box, Colour, Look, Picture
from proof.outcomes import Outcome
from proof.report import Report
from proof.running import Cell
from proof.scenario import PROMISES

_COLOURS = {
    "kept": Colour("#1a7f37", "#238636"),
    "told": Colour("#1b6e7d", "#1f6f7a"),
    "broken": Colour("#cf222e", "#da3633"),
    "costly": Colour("#9a6700", "#9e6a03"),
    "absent": Colour("#d8dee4", "#30363d"),
    "white": Colour("#ffffff", "#ffffff"),
}
_HARMLESS = frozenset({Outcome.AGAIN, Outcome.COSTLY, Outcome.MESS, Outcome.ERROR})
_LABELS, _COLUMN, _ROW, _GAP = 446, 112, 20, 3
_MARGIN, _HEAD, _FOOT, _PROMISE = 16, 46, 54, 26


def draw(report: Report) -> str:
    """Return the picture as an SVG file."""
    rows = list(report.rows)
    promises = len({scenario.promise for scenario, _ in rows})
    width = 2 * _MARGIN + _LABELS + _COLUMN * len(report.tools)
    height = 2 * _MARGIN + _HEAD + _PROMISE * promises + (_ROW + _GAP) * len(rows) + _FOOT
    picture = Picture(width, height, "What each tool did in each scenario of the proof", _COLOURS)
    _draw_head(picture, report)
    at, promise = float(_MARGIN + _HEAD), ""
    for scenario, cells in rows:
        if scenario.promise != promise:
            promise, at = scenario.promise, at + _PROMISE
            picture.text((_MARGIN, at - 7), f"{promise}: {PROMISES[promise]}", Look(size=13, bold=True))
        picture.text((_MARGIN + 8, at + 14), scenario.title.rstrip("."), Look(size=11))
        for column, tool in enumerate(report.tools):
            if tool in cells:
                _draw_cell(picture, _left(column), at, cells[tool])
        at += _ROW + _GAP
    _draw_foot(picture, report, at + 24)
    return picture.as_svg()


def _draw_head(picture: Picture, report: Report) -> None:
    for column, (tool, version) in enumerate(report.versions.items()):
        middle = _left(column) + (_COLUMN - _GAP) / 2
        kept, total = report.kept(tool)
        picture.text((middle, _MARGIN + 12), tool, Look(size=11.5, anchor="middle", bold=True))
        picture.text((middle, _MARGIN + 27), version.partition(" ")[0], Look(colour="soft", size=11, anchor="middle"))
        picture.text((middle, _MARGIN + 44), f"{kept} of {total}", Look(size=12, anchor="middle", bold=True))
    picture.text((_MARGIN, _MARGIN + 44), "promise kept in", Look(colour="soft", size=12))


def _draw_cell(picture: Picture, left: float, top: float, cell: Cell) -> None:
    colour, ink = _colour_of(cell)
    hint = f"{cell.scenario.name}, {cell.tool}: {cell.finding.outcome.value}"
    picture.box(Box(x=left, y=top, width=_COLUMN - _GAP, height=_ROW, round=3), colour, hint)
    look = Look(colour=ink, size=11, anchor="middle", bold=not cell.is_kept)
    picture.text((left + (_COLUMN - _GAP) / 2, top + 14), cell.finding.outcome.value, look)


def _draw_foot(picture: Picture, report: Report, at: float) -> None:
    left = float(_MARGIN)
    for colour, words in (
        ("kept", "keeps the promise"),
        ("told", "tells an error, which keeps it here"),
        ("costly", "breaks it, without harm to the file"),
        ("broken", "breaks it"),
        ("absent", "has no such thing"),
    ):
        picture.box(Box(x=left, y=at - 10, width=12, height=12, round=2), colour)
        picture.text((left + 18, at), words, Look(colour="soft", size=11))
        left += 42 + 6.2 * len(words)
    ran = f"make proof, {report.date}: real processes against a Hub and a CDN that lie; more in docs/proof.md"
    picture.text((_MARGIN, at + 20), ran, Look(colour="soft", size=11))


def _colour_of(cell: Cell) -> tuple[str, str]:
    if cell.finding.outcome is Outcome.NOT_APPLICABLE:
        return "absent", "ink"
    if cell.is_kept:
        return ("kept" if cell.finding.outcome is Outcome.RIGHT else "told"), "white"
    return ("costly" if cell.finding.outcome in _HARMLESS else "broken"), "white"


def _left(column: int) -> float:
    return _MARGIN + _LABELS + column * _COLUMN
