"""Progress as the caller of these functions wants to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weighbridge.compat.huggingface_hub.bars import observing
from weighbridge.core.artifacts import FileResult
from weighbridge.core.events import FileFinished, FileProgress, FileStarted, Notice, Planned


class Bar:
    """Keeps what it is told."""

    made: list[Bar]

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.steps: list[float] = []
        self.is_closed = False
        self.made.append(self)

    def update(self, n: float) -> None:
        self.steps.append(n)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    made: list[Bar] = []
    monkeypatch.setattr(Bar, "made", made, raising=False)
    return made


class Strict(Bar):
    """One that does not know ``initial``."""

    def __init__(self, total: int, unit: str, unit_scale: bool, desc: str) -> None:
        super().__init__(total=total, unit=unit, unit_scale=unit_scale, desc=desc)


def planned(size: int | None, *, files: int = 2, present: int = 0) -> Planned:
    return Planned(files=files, present=present, size=size, present_size=0, free=None)


HALF = Planned(files=4, present=1, linked=1, size=100, present_size=30, linked_size=20)


def progress(name: str, verified: int) -> FileProgress:
    return FileProgress(name=name, received=verified + 5, verified=verified, size=10)


def finished(name: str, size: int, outcome: Any = "fetched") -> FileFinished:
    result = FileResult(name=name, path=Path(name), size=size, digest=None, outcome=outcome)
    return FileFinished(result=result)


def test_bar_counts_verified_bytes_of_all_files(bars: list[Bar]) -> None:
    """Up to the sum of their sizes."""
    with observing(Bar, is_quiet=False, name="org/name") as tell:
        tell(planned(20))
        tell(FileStarted(name="a", resumed=0, partial=Path("p")))
        tell(progress("a", 4))
        tell(progress("b", 3))
        tell(progress("a", 9))
        tell(finished("a", 10))
        tell(finished("b", 10))

    (bar,) = bars
    assert bar.arguments == {"total": 20, "unit": "B", "unit_scale": True, "desc": "org/name"}
    assert (bar.steps, bar.is_closed) == ([4, 3, 5, 1, 7], True)


def test_bar_never_goes_back(bars: list[Bar]) -> None:
    """Even if a file has to be begun anew."""
    with observing(Bar, is_quiet=False, name="x") as tell:
        tell(planned(10, files=1))
        tell(progress("a", 8))
        tell(FileStarted(name="a", resumed=0, partial=Path("p")))
        tell(progress("a", 2))
        tell(finished("a", 10))

    (bar,) = bars
    assert min(bar.steps) > 0
    assert sum(bar.steps) == 10


def test_bar_begins_with_what_is_there_and_ends_at_its_total(bars: list[Bar]) -> None:
    """Files that were linked, or fetched by another process, count when they are finished; it would end half full."""
    with observing(Bar, is_quiet=False, name="x") as tell:
        tell(HALF)
        tell(finished("linked", 20, "linked"))
        tell(finished("joined", 15, "joined"))
        tell(finished("fetched", 35))

    (bar,) = bars
    assert (bar.arguments["total"], bar.arguments["initial"], bar.steps) == (100, 30, [20, 15, 35])


def test_bar_that_can_not_begin_in_the_middle_is_moved_there(bars: list[Bar]) -> None:
    """Programs pass all kinds of classes."""
    with observing(Strict, is_quiet=False, name="x") as tell:
        tell(HALF)
        tell(finished("the rest", 70))

    (bar,) = bars
    assert bar.steps == [30, 70]


def test_call_that_finds_all_in_place_makes_no_bar(bars: list[Bar]) -> None:
    """It would stand at nothing for ever."""
    with observing(Bar, is_quiet=False, name="x") as tell:
        tell(Planned(files=2, present=2, size=20, present_size=20))

    assert bars == []


def test_total_that_nobody_knows_is_none(bars: list[Bar]) -> None:
    """As tqdm wants it."""
    with observing(Bar, is_quiet=False, name="x") as tell:
        tell(planned(None))

    assert bars[0].arguments["total"] is None


def test_bar_is_closed_whatever_happens(bars: list[Bar]) -> None:
    """A terminal is left as it was."""

    def fail() -> None:
        with observing(Bar, is_quiet=False, name="x") as tell:
            tell(planned(10))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert bars[0].is_closed


def test_call_that_asks_for_nothing_makes_no_bar(bars: list[Bar]) -> None:
    """Nor an error: there may be no plan before a refusal."""
    with observing(Bar, is_quiet=False, name="x"):
        pass

    assert bars == []


def test_nothing_is_shown_of_a_call_that_finds_all_in_place(capfd: pytest.CaptureFixture[str]) -> None:
    """Programs call these functions all the time."""
    with observing(None, is_quiet=False, name="x") as tell:
        tell(planned(20, files=1, present=1))
        tell(finished("a", 20))

    assert capfd.readouterr() == ("", "")


def test_our_own_bars_show_what_is_fetched_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output is the program's."""
    with observing(None, is_quiet=False, name="x") as tell:
        tell(planned(20, files=1))
        tell(FileStarted(name="weights.bin", resumed=0, partial=Path("p")))
        tell(finished("weights.bin", 20))

    out, err = capfd.readouterr()
    assert out == ""
    assert "weights.bin" in err


def test_quiet_means_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """``HF_HUB_DISABLE_PROGRESS_BARS``."""
    with observing(None, is_quiet=True, name="x") as tell:
        tell(planned(20, files=1))
        tell(FileStarted(name="a", resumed=0, partial=Path("p")))
        tell(finished("a", 20))

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("made", "quiet"), [(Bar, False), (None, True), (None, False)])
def test_what_must_not_be_missed_is_logged(caplog: pytest.LogCaptureFixture, made: Any, quiet: bool) -> None:
    """With whatever bars."""
    with observing(made, is_quiet=quiet, name="x") as tell:
        tell(Notice(message="the Hub can't be reached"))

    assert [(each.name, each.levelname) for each in caplog.records] == [("weighbridge", "WARNING")]
