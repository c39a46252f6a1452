"""Sizes, ages and tables in words."""

from __future__ import annotations

import time

import pytest

from weighbridge.compat.huggingface_hub.wording import age_words, size_words, write_table


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0.0"), (999, "999.0"), (1000, "1.0K"), (42_200, "42.2K"), (3_398_085_269, "3.4G"), (10**27, "1000.0Y")],
)
def test_sizes_are_in_powers_of_1000(size: int, words: str) -> None:
    """Scripts compare them with what others print."""
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("age_s", "words"),
    [
        (-5, "a few seconds ago"),
        (19, "a few seconds ago"),
        (30, "30 seconds ago"),
        (61, "1 minute ago"),
        (3599, "1 hour ago"),
        (86_400 * 2, "2 days ago"),
        (86_400 * 7, "1 week ago"),
        (86_400 * 45, "6 weeks ago"),
        (86_400 * 60, "2 months ago"),
        (86_400 * 400, "1 year ago"),
        (86_400 * 4000, "11 years ago"),
    ],
)
def test_ages_are_in_the_largest_unit_that_fits(age_s: float, words: str) -> None:
    """A number of seconds in the thousands tells nobody anything."""
    assert age_words(time.time() - age_s) == words


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """A table that is not aligned can't be read."""
    assert write_table(("A", "LONG"), [["xyz", "1"], ["x", "2"]]).splitlines() == [
        "A   LONG",
        "--- ----",
        "xyz 1   ",
        "x   2   ",
    ]


def test_empty_table_is_its_head() -> None:
    """An empty cache is no failure."""
    assert write_table(("A", "B"), []) == "A B\n- -"
