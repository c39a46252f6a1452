"""Validators: when two descriptions can't be of the same bytes."""

from __future__ import annotations

import pytest

from weighbridge.core.recovery import Validator

DATE, LATER = "Tue, 01 Sep 2026 10:00:00 GMT", "Tue, 01 Sep 2026 10:00:01 GMT"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Validator('"a"'), Validator('"b"')),
        (Validator('W/"a"'), Validator('W/"b"')),
        (Validator('"a"'), Validator('W/"b"')),
        (Validator('"a"', DATE), Validator('"b"', DATE)),
        (Validator(None, DATE), Validator(None, LATER)),
        (Validator('"a"', DATE), Validator(None, LATER)),
    ],
)
def test_different_validators_contradict(one: Validator, other: Validator) -> None:
    """Parts of two states of a file are never mixed."""
    assert one.contradicts(other)
    assert other.contradicts(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Validator(), Validator()),
        (Validator('"a"'), Validator('"a"')),
        (Validator('W/"a"'), Validator('"a"')),  # a server that compresses on the fly weakens its own tag
        (Validator('"a"', DATE), Validator('"a"', LATER)),  # the tag is the better witness
        (Validator('"a"'), Validator()),
        (Validator('"a"'), Validator(None, DATE)),
        (Validator(None, DATE), Validator()),
    ],
)
def test_what_is_missing_proves_nothing(one: Validator, other: Validator) -> None:
    """A node that sends no validator does not void what was fetched."""
    assert not one.contradicts(other)
    assert not other.contradicts(one)


@pytest.mark.parametrize(("etag", "strong"), [('"a"', '"a"'), ('W/"a"', None), (None, None), ('""', '""')])
def test_only_a_strong_etag_pins_ranges(etag: str | None, strong: str | None) -> None:
    """A weak ETag in ``If-Range`` is forbidden, since its bytes may differ (RFC 9110, 13.1.5)."""
    assert Validator(etag).strong_etag == strong
