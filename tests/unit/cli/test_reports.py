"""What is told at the end of a call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weighbridge.cli.reports import JsonReport, Tally, summarize
from weighbridge.core.artifacts import FileResult
from weighbridge.core.digests import Digest
from weighbridge.core.events import FileFinished, FileProgress, FileStarted

SHA = Digest("sha256", "a" * 64)
MD5 = Digest("md5", "b" * 32)


def result(name: str = "a", **facts: object) -> FileResult:
    given: dict[str, object] = {"size": 1_000_000, "digest": SHA, "outcome": "fetched", "bytes_fetched": 1_000_000}
    return FileResult(name=name, path=Path("/x") / name, **{**given, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([result()], "1 file, 1 MB in 2.0 s (500 kB/s), 0 B resumed, verified sha256"),
        (
            [result(), result("b", digest=MD5, bytes_fetched=400_000, bytes_resumed=600_000)],
            "2 files, 2 MB in 2.0 s (700 kB/s), 600 kB resumed, verified md5, sha256",
        ),
        (
            [result(outcome="present", bytes_fetched=0), result("b", outcome="joined", bytes_fetched=0)],
            "2 files, 2 MB in 2.0 s, 0 B resumed, 1 already there, 1 fetched by another process, verified sha256",
        ),
        ([result(digest=None)], "1 file, 1 MB in 2.0 s (500 kB/s), 0 B resumed, 1 not verified"),
    ],
)
def test_summary_tells_what_came_and_what_was_checked(results: list[FileResult], text: str) -> None:
    """A summary would promise a check or a speed that was not there."""
    assert summarize(results, 2.0) == text


def test_tally_counts_unfinished_files_that_are_still_there(tmp_path: Path) -> None:
    """A user would be told that bytes are kept which were found wrong and removed."""
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    kept.touch()
    tally = Tally()
    for name, partial in (("kept", kept), ("gone", gone), ("done", kept)):
        tally.take(FileStarted(name=name, resumed=5, partial=partial))
        tally.take(FileProgress(name=name, received=7, verified=6, size=9))
    tally.take(FileFinished(result=result("done")))

    assert tally.kept == 7


def test_json_progress_comes_at_most_four_times_a_second(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A fast transfer would write more events than bytes."""
    times = iter([0.0, 0.1, 0.2, 0.3, 0.4])
    report = JsonReport(clock=lambda: next(times))
    with report.watch() as tell:
        for received in range(5):
            tell(FileProgress(name="a", received=received, verified=0, size=9))

    lines = capfdbinary.readouterr().out.decode().splitlines()

    assert [json.loads(line)["received"] for line in lines] == [0, 3]
