"""Journals and claims: what a process that may have died left for the next."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.fuzz.places import lasting
from tests.fuzz.shapes import changed, edited, json_like
from tests.fuzz.target import Target
from weighbridge.core.recovery import Validator
from weighbridge.store import claims
from weighbridge.store.journal import (
    DURABLE,
    FLUSHING,
    RELEASED,
    RESET,
    Identity,
    JournalState,
    Record,
    encode,
    header_record,
    is_of_later_format,
    prefix_record,
    replay,
    size_record,
    void_record,
    wrote_record,
)
from weighbridge.store.owners import Owner

OWNER = Owner(machine="m", host="h", boot="b", namespace=1, pid=7, start=5)
RECORDS: list[Record] = [
    header_record(Identity(digest="sha256:" + "5" * 64, source=None), OWNER),
    size_record(1000, Validator('"tag"', "Tue, 03 Mar 2026 10:00:00 GMT")),
    wrote_record(0, 100),
    prefix_record(100, "5" * 64),
    FLUSHING,
    wrote_record(200, 300),
    DURABLE,
    void_record(50, 60),
    RESET,
    wrote_record(0, 400),
    RELEASED,
]
CLAIM = {"owner": OWNER.to_record(), "nonce": "00ff", "ttl_s": 6.0}

_LARGEST = 1 << 62
_place = lasting()


def check_journal(data: bytes) -> None:
    """A journal is read up to what makes no sense; written anew, it says the same."""
    is_of_later_format(data)
    state = replay(data)
    if state is None:
        return
    for ranges in (state.written, state.flushing, state.durable):
        assert all(0 <= each.start < each.stop < _LARGEST for each in ranges)
    assert state.size is None or 0 <= state.size < _LARGEST
    again = replay(b"".join(map(encode, _records_of(state))))
    assert again is not None
    assert (again.identity, again.owner, again.size, again.validator, again.written, again.prefixes) == (
        state.identity,
        state.owner,
        state.size,
        state.validator,
        state.written,
        state.prefixes,
    )


def check_claim(data: bytes) -> None:
    """Whatever a claim holds, who waits can tell that nothing has changed: else he would wait for ever."""
    path = _place / "x.wb-claim"
    path.write_bytes(data)
    first, second = (claims._look(path) for _ in range(2))  # noqa: SLF001 - a wait would take as long as it does
    assert first is not None
    assert first == second
    assert 0 <= max(0.0, first.ttl_s) <= 60.0
    claims.is_claimed(path)
    lease = claims.lease_for(path, 0.0)
    lease.must_yield(first)


def _records_of(state: JournalState) -> list[Record]:
    size = [] if state.size is None else [size_record(state.size, state.validator)]
    written = [wrote_record(each.start, each.stop) for each in state.written]
    prefixes = [prefix_record(at, digest) for at, digest in state.prefixes.items()]
    return [header_record(state.identity, state.owner), *size, *written, *prefixes]


@st.composite
def journals(draw: DrawFn) -> bytes:
    """Return journals whose checksums are right, and what they say is not; some are torn, too."""
    records: Any = draw(changed([RECORDS]).filter(lambda each: isinstance(each, list)))
    content = b"".join(encode(each) for each in records if _can_be_written(each))
    return draw(edited(content)) if draw(st.integers(0, 3)) == 0 else content


def _can_be_written(record: object) -> bool:
    try:
        json.dumps(record)
    except (ValueError, TypeError):
        return False
    return True


WHOLE = b"".join(map(encode, RECORDS))
TARGETS = (
    Target(name="journals", check=check_journal, seeds=(WHOLE,), inputs=journals(), examples=150),
    Target(
        name="claims", check=check_claim, seeds=(json.dumps(CLAIM).encode(),), inputs=json_like(CLAIM), examples=100
    ),
)
