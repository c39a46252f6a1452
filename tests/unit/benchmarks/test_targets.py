"""Verdicts on the targets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.contenders import CURL, CURL_OPENSSL, CURL_SYNC, OPENSSL
from benchmarks.hub_rows import HUB
from benchmarks.rows import LOOSE, ONE_FILE, WEIGHBRIDGE
from benchmarks.targets import Verdict, judge, judge_memory
from tests.support.measured import cell, row, sample

MIB = 1024 * 1024
LIMITS = {CURL.name: (1.0,), CURL_SYNC.name: (2.0,), OPENSSL.name: (1.5,)}


def verdicts(name: str, seconds: dict[str, tuple[float, ...]]) -> list[Verdict]:
    return judge(row(name, seconds), cores=2)


@pytest.mark.parametrize(("seconds", "verdict"), [(1.64, "met"), (1.66, "not met")])
def test_ratio_is_held_against_the_bound(seconds: float, verdict: str) -> None:
    """A target that can't be missed says nothing."""
    first = verdicts("sha256", {LOOSE: (seconds,), WEIGHBRIDGE: (2.0,), **LIMITS})[0]

    assert (first.measured, first.target, first.verdict) == (f"{seconds / 1.5:.2f} x", "<= 1.10 x", verdict)


def test_who_flushes_is_held_against_those_who_flush() -> None:
    """The default would be judged by what never reached a disk."""
    flushed = verdicts("sha256", {LOOSE: (1.5,), WEIGHBRIDGE: (2.0,), **LIMITS})[1]

    assert (flushed.measured, flushed.verdict) == ("1.00 x", "met")


def test_cache_row_is_held_against_huggingface_hub_too() -> None:
    """Being near the limit would hide being no faster than what people have."""
    faster = verdicts("hub-2g", {LOOSE: (1.5,), WEIGHBRIDGE: (2.0,), HUB: (3.0,), **LIMITS})[2]

    assert (faster.measured, faster.target) == ("2.00 x", ">= 3 x")
    assert faster.verdict == "not met; max(curl to disk; openssl dgst alone) is 2.00 x faster"


def test_four_files_slower_than_one_miss_the_target_that_has_no_excuse() -> None:
    """ "Where cores allow" must not excuse what is slower than no concurrency at all."""
    seconds = {LOOSE: (2.0,), ONE_FILE: (1.0,), CURL_OPENSSL.name: (1.0,), **LIMITS}

    gain, never_below = verdicts("four-md5", seconds)

    assert gain.verdict == "not met; 2 cores shared with nginx allow 2.00 x at most"
    assert never_below.verdict == "not met"


def test_contender_without_a_right_run_is_named() -> None:
    """A missing tool would look like a target that was met."""
    result = row("md5", {LOOSE: (1.0,), WEIGHBRIDGE: (1.0,), OPENSSL.name: (1.0,)})
    failed = cell(LOOSE, [sample(1.0, "exit 3: no such option")])

    (loose, _) = judge(replace(result, cells={**result.cells, LOOSE: failed}), cores=2)

    assert loose.verdict == f"not judged: {LOOSE} (exit 3: no such option)"


@pytest.mark.parametrize(("peak", "verdict"), [(80 * MIB, "met"), (81 * MIB, "not met")])
def test_highest_memory_is_judged(peak: int, verdict: str) -> None:
    """One size of file that takes more would hide behind all others."""
    found = judge_memory([(10 * MIB, "small"), (peak, "large")], "memory")

    assert (found.measured, found.verdict) == (f"{peak // MIB} MiB (large)", verdict)


def test_row_without_a_target_is_not_judged() -> None:
    """A figure of another row would be read as this one's."""
    assert verdicts("many", {LOOSE: (1.0,)}) == []
