"""What a filter, an age and a table of ``cache ls`` are."""

from __future__ import annotations

import pytest

from weighbridge.cli.cache.listing import read_query
from weighbridge.cli.cache.place import ago, read_age, table
from weighbridge.core.errors import InvalidParameterError


@pytest.mark.parametrize("text", ["", "size", "size=1G", "size>", "size>much", "used>yesterday", "type=thing", "refs="])
def test_filter_that_can_not_mean_anything_is_refused(text: str) -> None:
    """A typo must not select everything: what is listed may be removed next."""
    with pytest.raises(InvalidParameterError):
        read_query([], [text], sort="name", is_reversed=False)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2", 172_800)]
)
def test_age_is_read_with_its_unit(text: str, seconds: float) -> None:
    """A bare number is of days."""
    assert read_age(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1d", "1y", "1d2h", "nan"])
def test_age_that_is_none_is_refused(text: str) -> None:
    """Else too much would go."""
    with pytest.raises(InvalidParameterError):
        read_age(text)


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "now"), (59, "now"), (60, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")]
)
def test_time_of_the_last_use_is_told_in_words(seconds: float, words: str) -> None:
    """A clock that has jumped is no reason for nonsense."""
    assert ago(1e9 - seconds, 1e9) == words


def test_table_is_as_wide_as_its_content() -> None:
    """Numbers stand below each other, and no line ends in spaces."""
    lines = table(("NAME", "SIZE", ""), [("a", "1 B", ""), ("long", "10 kB", "pinned")], right=(1,))

    assert lines == ["NAME   SIZE", "a       1 B", "long  10 kB  pinned"]
