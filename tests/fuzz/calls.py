"""Real calls among hostile servers and files: with an end, refused in our own words, and nothing outside its place."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.places import lasting
from tests.fuzz.verdicts import SECRET, refusing
from tests.support.calls import quick
from weighbridge.core.options import CacheOptions, HubOptions, Options, StoreOptions, TransferOptions

KIB = 1 << 10
LONGEST_S = 40.0
"""For one call on a busy machine; each takes some hundredths of a second on an idle one."""

_serial = itertools.count()
_home = lasting()


def options_for(endpoint: str, cache: Path, *, call_s: float = 2.0) -> Options:
    """Return options with small pieces, few tries, and hardly a wait.

    Args:
        endpoint: Of the Hub.
        cache: Where it is.
        call_s: Longest time for a call to the Hub, which also bounds how long it may ask us to wait.
    """
    made = quick(
        http={"connect_timeout_s": 10.0, "read_timeout_s": 10.0},
        retry={"attempts": 2, "wait_initial_s": 0.001, "wait_max_s": 0.002, "pause_max_s": 0.02},
        store={"claim_ttl_s": 0.2, "wait_timeout_s": 0.5},
        connections=2,
        connections_per_file=2,
        first_piece=16 * KIB,
        piece_min=16 * KIB,
        piece_max=16 * KIB,
        split_min=8 * KIB,
        straggler_s=30.0,
        stall_window_s=30.0,
    )
    hub = HubOptions(endpoint=endpoint, token=SECRET, call_timeout_s=call_s, etag_timeout_s=call_s)
    assert isinstance(made.store, StoreOptions)
    assert isinstance(made.transfer, TransferOptions)
    return Options(http=made.http, transfer=made.transfer, store=made.store, cache=CacheOptions(root=cache), hub=hub)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a directory of its own, which is gone afterwards."""
    place = _home / str(next(_serial))
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def ending() -> Iterator[threading.Event]:
    """Give what cancels a call that has no end, and raise ``AssertionError`` for it; refusals are checked."""
    cancel = threading.Event()
    timer = threading.Timer(LONGEST_S, cancel.set)
    timer.daemon = True
    timer.start()
    try:
        with refusing():
            yield cancel
    finally:
        timer.cancel()
    assert not cancel.is_set(), f"the call had not ended within {LONGEST_S} s"


def assert_no_secret(place: Path) -> None:
    """Raise ``AssertionError`` if a token is anywhere on the disk."""
    for each in place.rglob("*"):
        assert SECRET not in each.name
        assert not each.is_file() or SECRET.encode() not in each.read_bytes(), f"a secret in {each.name}"
