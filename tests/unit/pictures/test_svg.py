"""Drawing."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from pictures.svg import Box, Colour, Look, Picture

NAMED = "{http://www.w3.org/2000/svg}"


def picture() -> Picture:
    return Picture(100, 50, "Two <things>", {"good": Colour("#00ff00", "#008800")})


def test_words_stay_words_whatever_they_are() -> None:
    """A name with a bracket would break the file, and letters drawn as shapes can't be found or read aloud."""
    made = picture()
    made.text((1, 2), 'a < b & "c"', Look(bold=True, anchor="end", turned=90))

    root = ET.fromstring(made.as_svg())

    assert [each.text for each in root.iter(f"{NAMED}text")] == ['a < b & "c"']
    assert root.findtext(f"{NAMED}title") == "Two <things>"


def test_picture_has_colours_for_light_and_for_dark_pages() -> None:
    """Its words could be as dark as the page."""
    style = ET.fromstring(picture().as_svg()).findtext(f"{NAMED}style") or ""

    light, _, dark = style.partition("@media (prefers-color-scheme:dark)")
    assert "#00ff00" in light
    assert "#008800" in dark


def test_picture_brings_its_own_ground() -> None:
    """On a page whose colours are not the reader's usual ones its words could not be read."""
    first = next(ET.fromstring(picture().as_svg()).iter(f"{NAMED}rect"))

    assert (first.get("class"), first.get("width"), first.get("height")) == ("paper", "100", "50")


def test_colour_that_is_not_there_is_refused() -> None:
    """It would be drawn in black."""
    with pytest.raises(KeyError, match="bad"):
        picture().box(Box(x=0, y=0, width=1, height=1), "bad")
