"""How the reading of what is here already is shown."""

from __future__ import annotations

import io

from weighbridge.core.events import Checking, Planned
from weighbridge.progress.board import Board
from weighbridge.progress.lines import LineDisplay


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_reading_is_shown_with_its_rate_and_the_time_left() -> None:
    """Hundreds of gigabytes take a while, and somebody waits for the end."""
    clock, stream = Clock(), io.StringIO()
    display = LineDisplay(stream, clock)
    display.show(Checking(done=0, size=1000, name=""))
    clock.now = 2.0

    display.show(Checking(done=500, size=1000, name="a"))

    assert stream.getvalue() == "verifying: 50 %, 500 B of 1 kB, 250 B/s, 2.0 s left\n"


def test_what_is_fetched_after_the_reading_begins_anew() -> None:
    """A repair verifies first; its own bar starts at nothing."""
    board = Board(Clock())
    board.take(Checking(done=10, size=1000, name=""))
    assert board.picture().fraction > 0
    board.take(Checking(done=1000, size=1000, name=""))

    board.take(Planned(files=2, present=0, size=100, present_size=0))
    picture = board.picture()

    assert (picture.fraction, picture.files, picture.rows) == (0.0, 2, ())
