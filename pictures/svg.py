"""Draws boxes, lines and words as one SVG file, the same bytes for the same calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

_FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour, as CSS writes it, for readers who like a light page and for those who like a dark one."""

    light: str
    dark: str


PAPER = Colour("#ffffff", "#0d1117")
INK = Colour("#1f2328", "#e6edf3")
SOFT = Colour("#59636e", "#9198a1")
RULE = Colour("#d1d9e0", "#3d444d")
BASE = {"paper": PAPER, "ink": INK, "soft": SOFT, "rule": RULE}
"""Colours that every picture has, by name: its ground, its words, what is said quietly, and thin lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where a rectangle is, and how round: all in pixels from the left upper corner of the picture."""

    x: float
    y: float
    width: float
    height: float
    round: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How words look.

    Attributes:
        colour: Its name.
        size: Height of the letters in pixels.
        anchor: Which part of the words is at the place given.
        bold: Whether the letters are heavy.
        turned: Degrees, clockwise, by which the words are turned around their place.
    """

    colour: str = "ink"
    size: float = 12
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False
    turned: float = 0


class Picture:
    """A picture that is being drawn, later things above earlier ones.

    It brings its own ground, so that its words can be read wherever it is shown.

    Args:
        width: In pixels.
        height: In pixels.
        title: What it shows, for those who can't see it.
        colours: By the names that are used in drawing; those of ``BASE`` are there already.
    """

    def __init__(self, width: float, height: float, title: str, colours: Mapping[str, Colour]) -> None:
        self._colours = {**BASE, **colours}
        shape = {"width": _number(width), "height": _number(height), "viewBox": f"0 0 {width:g} {height:g}"}
        self._root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **shape, "role": "img"})
        ET.SubElement(self._root, "title").text = title
        ET.SubElement(self._root, "style").text = _style(self._colours)
        self.box(Box(x=0, y=0, width=width, height=height, round=6), "paper")

    def box(self, box: Box, colour: str, hint: str = "") -> None:
        """Draw a filled rectangle; ``hint`` is shown to those who point at it."""
        place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height, "rx": box.round}
        made = self._add("rect", colour, {name: value for name, value in place.items() if name != "rx" or value})
        if hint:
            ET.SubElement(made, "title").text = hint

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str, dashes: str = "") -> None:
        """Draw a line; ``dashes`` are lengths in pixels, as in ``4 3``."""
        place = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
        made = self._add("line", colour, place)
        if dashes:
            made.set("stroke-dasharray", dashes)

    def text(self, place: tuple[float, float], words: str, look: Look) -> None:
        """Write ``words`` on the line whose foot is at ``place``."""
        made = self._add("text", look.colour, {"x": place[0], "y": place[1], "font-size": look.size})
        made.text = words
        if look.anchor != "start":
            made.set("text-anchor", look.anchor)
        if look.bold:
            made.set("font-weight", "600")
        if look.turned:
            made.set("transform", f"rotate({_number(look.turned)} {_number(place[0])} {_number(place[1])})")

    def as_svg(self) -> str:
        """Return the file, which ends with a newline."""
        ET.indent(self._root, " ")
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _add(self, kind: str, colour: str, numbers: Mapping[str, float]) -> ET.Element:
        if colour not in self._colours:
            raise KeyError(colour)
        places = {name: _number(value) for name, value in numbers.items()}
        return ET.SubElement(self._root, kind, {"class": colour, **places})


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _style(colours: Mapping[str, Colour]) -> str:
    def rules(colour_of: Mapping[str, str]) -> str:
        return "".join(
            f".{name}{{fill:{value};stroke:none}}line.{name}{{stroke:{value}}}" for name, value in colour_of.items()
        )

    light = rules({name: each.light for name, each in colours.items()})
    dark = rules({name: each.dark for name, each in colours.items()})
    return f"text{{font-family:{_FONT}}}{light}@media (prefers-color-scheme:dark){{{dark}}}"
