"""Samples and ratios."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.measured import cell, row, sample


def test_ratio_is_taken_within_a_round() -> None:
    """A machine that gets slower from round to round would favour whoever was measured first."""
    result = row("one", {"ours": (1, 2, 3), "limit": (1, 2, 3)})

    assert result.ratio("ours", ("limit",)) == 1


def test_ratio_is_over_the_slowest_limit_of_the_round() -> None:
    """A limit that is the slower one in this round only would be forgotten."""
    result = row("one", {"ours": (4, 4), "curl": (1, 4), "openssl": (2, 1)})

    assert result.ratio("ours", ("curl", "openssl")) == 1.5


def test_round_in_which_anyone_failed_does_not_count() -> None:
    """A download that broke off early would look fast."""
    result = row("one", {"ours": (1, 6), "limit": (1, 2)})
    result = replace(result, cells={**result.cells, "ours": cell("ours", [sample(1, "WRONG: a.bin"), sample(6)])})

    assert result.ratio("ours", ("limit",)) == 3


@pytest.mark.parametrize("others", [(), ("nobody",)])
def test_no_ratio_without_somebody_to_compare_with(others: tuple[str, ...]) -> None:
    """A row would be judged by nothing."""
    assert row("one", {"ours": (1,)}).ratio("ours", others) is None


def test_rate_is_that_of_the_median_run() -> None:
    """One lucky round would be shown as the speed."""
    assert row("one", {"ours": (1, 2, 50)}).rate("ours") == 500
