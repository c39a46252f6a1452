"""Progress is shown as bars on a terminal and as few plain lines elsewhere, and never goes backwards."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from weighbridge.core.artifacts import FileResult
from weighbridge.core.events import FileFinished, FileProgress, FileStarted, FileWaiting, Planned, Retrying
from weighbridge.progress import show_progress
from weighbridge.progress.bars import BarDisplay, draw
from weighbridge.progress.board import Board, Stage
from weighbridge.progress.lines import LineDisplay
from weighbridge.progress.wording import format_bytes, format_seconds, printable

MB = 1_000_000


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(name: str, resumed: int = 0) -> FileStarted:
    return FileStarted(name=name, resumed=resumed, partial=Path("/x") / name)


def moved(name: str, received: int, verified: int, size: int | None) -> FileProgress:
    return FileProgress(name=name, received=received, verified=verified, size=size)


def finished(name: str, size: int, outcome: str = "fetched") -> FileFinished:
    return FileFinished(
        result=FileResult(name=name, path=Path("/x") / name, size=size, digest=None, outcome=outcome, seconds=2.0)  # type: ignore[arg-type]
    )


def drawn(board: Board, width: int = 120) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    with console.capture() as capture:
        console.print(draw(board.picture(), width))
    return capture.get()


class TestBoard:
    def test_verified_bytes_never_go_back(self, clock: Clock) -> None:
        """A bar would jump back when bytes are found wrong and fetched again."""
        board = Board(clock)
        board.take(moved("a", 50, 40, 100))

        board.take(moved("a", 10, 0, 100))

        assert board.picture().rows[0].verified == 40

    def test_whole_never_goes_back_when_a_size_becomes_known(self, clock: Clock) -> None:
        """The total would jump from nearly done to hardly begun."""
        board = Board(clock)
        board.take(Planned(files=2, present=0))
        board.take(finished("small", 1))
        before = board.picture().fraction

        board.take(moved("large", 0, 0, 1_000_000))

        assert board.picture().fraction == before == 0.5

    def test_speed_is_that_of_the_last_seconds(self, clock: Clock) -> None:
        """A transfer that has stalled would go on showing its old speed."""
        board = Board(clock)
        board.take(started("a"))
        clock.now += 1
        board.take(moved("a", 10 * MB, 0, 20 * MB))
        fast = board.picture().rows[0].bps

        clock.now += 9

        assert (fast, board.picture().rows[0].bps) == (10 * MB, MB)

    def test_bytes_of_an_earlier_run_are_no_speed(self, clock: Clock) -> None:
        """A resumed file would seem to fly, and its end would be promised too early."""
        board = Board(clock)
        board.take(started("a", resumed=90 * MB))
        clock.now += 1
        board.take(moved("a", 91 * MB, MB, 100 * MB))

        row = board.picture().rows[0]

        assert (row.bps, row.left_s) == (MB, 9.0)

    def test_file_that_another_process_fetched_is_done(self, clock: Clock) -> None:
        """A file we waited for would be shown as waiting for ever."""
        board = Board(clock)
        board.take(Planned(files=1, present=0))
        board.take(FileWaiting(name="a"))
        board.take(finished("a", MB, "joined"))

        picture = board.picture()

        assert (picture.waiting, picture.total.stage, picture.fraction) == ((), Stage.DONE, 1.0)

    def test_retry_is_of_interest_for_a_while(self, clock: Clock) -> None:
        """An old failure would stand there until the end."""
        board = Board(clock)
        board.take(started("a"))
        board.take(Retrying(name="a", reason="it broke"))
        early = board.picture().note

        clock.now += 11

        assert (early, board.picture().note) == ("a: it broke", None)

    def test_empty_files_are_done_when_they_are_there(self, clock: Clock) -> None:
        """A division by zero would end the call."""
        board = Board(clock)
        board.take(Planned(files=1, present=0))
        board.take(moved("a", 0, 0, 0))
        board.take(finished("a", 0))

        assert board.picture().fraction == 1.0


class TestLines:
    def test_one_file_is_told_from_start_to_end(self, clock: Clock) -> None:
        """A log would not show what happened."""
        stream = io.StringIO()
        display = LineDisplay(stream, clock)
        for event in (Planned(files=1, present=0), started("a", 10 * MB), moved("a", 20 * MB, 15 * MB, 30 * MB)):
            display.show(event)
        clock.now += 2
        display.show(moved("a", 22 * MB, 20 * MB, 30 * MB))
        display.show(finished("a", 30 * MB))

        assert stream.getvalue().splitlines() == [
            "a: going on after 10 MB",
            "a: 66 %, 20 MB of 30 MB, 6 MB/s, 1.3 s left",
            "a: done, 30 MB in 2.0 s",
        ]

    def test_lines_are_ten_seconds_or_ten_percent_apart(self, clock: Clock) -> None:
        """A long transfer would fill the log, or seem to hang."""
        stream = io.StringIO()
        display = LineDisplay(stream, clock)
        display.show(Planned(files=1, present=0))
        for second in range(1, 31):
            clock.now += 1
            display.show(moved("a", second * MB, second * MB, 1000 * MB))

        assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == ["a: 1 %", "a: 2 %", "a: 3 %"]

    def test_of_many_files_only_the_whole_is_told(self, clock: Clock) -> None:
        """A thousand files would be thousands of lines."""
        stream = io.StringIO()
        display = LineDisplay(stream, clock)
        display.show(Planned(files=1000, present=1))
        for number in range(500):
            clock.now += 0.125
            display.show(started(str(number)))
            display.show(finished(str(number), MB))

        lines = stream.getvalue().splitlines()

        assert lines[:2] == ["1000 files, 1 already there", "total: 80 of 1000 files, 80 MB, 8 MB/s"]
        assert len(lines) == 7

    def test_retries_are_told_at_most_once_a_second(self, clock: Clock) -> None:
        """A server that is down would flood the log."""
        stream = io.StringIO()
        display = LineDisplay(stream, clock)
        for _ in range(10):
            clock.now += 0.3
            display.show(Retrying(name="a", reason="it broke"))

        assert stream.getvalue().splitlines() == ["trying again: a: it broke"] * 3

    def test_stream_that_is_gone_stops_nothing(self, clock: Clock) -> None:
        """A closed log would end the transfer."""
        stream = io.StringIO()
        stream.close()

        LineDisplay(stream, clock).show(started("a"))

    def test_reason_can_not_steer_the_terminal(self, clock: Clock) -> None:
        """A server could write escape codes onto the user's screen."""
        stream = io.StringIO()
        LineDisplay(stream, clock).show(Retrying(name="a", reason="\x1b[2J\r\nbad"))

        assert stream.getvalue() == "trying again: a: \ufffd[2J\ufffd\ufffdbad\n"


class TestBars:
    def test_each_file_has_a_bar_and_so_have_all_of_them(self, clock: Clock) -> None:
        """A user would not see which file is slow, or how much is left of it all."""
        board = Board(clock)
        board.take(Planned(files=3, present=0))
        board.take(finished("done.bin", 10 * MB))
        for name in ("a.bin", "b.bin"):
            board.take(moved(name, 20 * MB, 10 * MB, 40 * MB))

        lines = drawn(board).splitlines()

        assert [line.split()[0] for line in lines] == ["a.bin", "b.bin", "1"]
        assert ("25 %" in lines[0], "10 MB of 40 MB" in lines[0]) == (True, True)
        assert ("1 of 3 files" in lines[2], "30 MB of 90 MB" in lines[2]) == (True, True)

    def test_single_file_has_one_bar_that_stays(self, clock: Clock) -> None:
        """A finished download would leave an empty screen."""
        board = Board(clock)
        board.take(Planned(files=1, present=0))
        board.take(started("a.bin"))
        board.take(finished("a.bin", 10 * MB))

        (line,) = drawn(board).splitlines()

        assert ("a.bin" in line, "100 %" in line, line.split()[-1]) == (True, True, "done")

    def test_waiting_and_retries_are_told_below(self, clock: Clock) -> None:
        """A user would see bars that don't move and not know why."""
        board = Board(clock)
        board.take(Planned(files=6, present=0))
        for name in "abcde":
            board.take(FileWaiting(name=name))
        board.take(Retrying(name="f", reason="f: it broke"))

        assert drawn(board).splitlines()[1:] == [
            "a is waiting for another process",
            "b is waiting for another process",
            "c is waiting for another process",
            "and 2 more",
            "trying again: f: it broke",
        ]

    def test_all_received_and_not_all_verified_is_told(self, clock: Clock) -> None:
        """A bar would seem to hang while the last bytes are hashed."""
        board = Board(clock)
        board.take(moved("a", 100, 50, 100))

        assert "verifying" in drawn(board)

    def test_name_is_text_and_no_markup(self, clock: Clock) -> None:
        """A file called ``[red]x`` would be shown under another name."""
        board = Board(clock)
        board.take(moved("[red]x[/nope]", 1, 1, 2))

        assert "[red]x[/nope]" in drawn(board)

    @pytest.mark.parametrize("width", [20, 40, 80, 200])
    def test_lines_fit_the_terminal(self, clock: Clock, width: int) -> None:
        """Wrapped lines would make the display crawl down the screen."""
        board = Board(clock)
        board.take(Planned(files=2, present=0))
        board.take(moved("d/" * 40 + "model-00001-of-00003.safetensors", 123 * MB, 123 * MB, 999 * MB))
        board.take(Retrying(name="x", reason="y" * 300))

        assert max(len(line.rstrip()) for line in drawn(board, width).splitlines()) <= width

    def test_terminal_gets_moving_lines(self, clock: Clock) -> None:
        """The display would not be drawn at all, or leave the cursor hidden."""
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=True, width=100)
        with BarDisplay(console, clock) as display:
            display.show(Planned(files=1, present=0))
            display.show(moved("a.bin", 50, 50, 100))

        assert ("a.bin" in stream.getvalue(), stream.getvalue().endswith("\x1b[?25h")) == (True, True)

    def test_standard_output_stays_the_callers(self) -> None:
        """What a caller prints into a pipe would end up on the terminal."""
        console = Console(file=io.StringIO(), force_terminal=True, width=100)
        before = sys.stdout

        with BarDisplay(console):
            during = sys.stdout

        assert during is before


class TestShowProgress:
    def test_plain_lines_go_to_standard_error_without_a_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A pipe or a log would get escape codes, or standard output would get progress."""
        with show_progress() as show:
            show(started("a.bin"))

        captured = capsys.readouterr()

        assert (captured.out, captured.err) == ("", "a.bin: started\n")

    def test_closed_standard_error_is_no_trouble(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A daemon without standard streams could not download."""
        monkeypatch.setattr(sys, "stderr", None)

        with show_progress() as show:
            show(started("a.bin"))


class TestWording:
    @pytest.mark.parametrize(
        ("amount", "text"),
        [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_499, "999 kB"), (999_600, "1 MB"), (91_200_000, "91.2 MB")],
    )
    def test_sizes_have_three_digits(self, amount: int, text: str) -> None:
        """A size would read ``1e+03 kB``."""
        assert format_bytes(amount) == text

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0, "0.0 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
    )
    def test_durations_are_as_long_as_they_need_be(self, seconds: float, text: str) -> None:
        """An hour would read ``3600.0 s``."""
        assert format_seconds(seconds) == text

    def test_printable_text_is_left_alone(self) -> None:
        """Names in other scripts would be mangled."""
        assert printable("模型 é.bin") == "模型 é.bin"
