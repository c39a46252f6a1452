"""A damaged file left as the rest of a download: what counts of it, and what is there whatever goes wrong."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from random import Random

import pytest

from tests.unit.store.test_pieces import manifest_of
from weighbridge.core.pieces import PIECE
from weighbridge.core.ranges import ByteRange, RangeSet
from weighbridge.store.journal import Identity
from weighbridge.store.layout import Place
from weighbridge.store.leftovers import Usable, find_leftovers, find_usable, read_leftovers
from weighbridge.store.mending import leave_for_mending
from weighbridge.store.sight import see

SIZE = 2 * PIECE + 100
CONTENT = Random(2).randbytes(SIZE)
MANIFEST = manifest_of(CONTENT)
IDENTITY = Identity(digest=str(MANIFEST.digest), source=None, size=SIZE)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where the file is, damaged in its second piece."""
    final = tmp_path / "blobs" / MANIFEST.digest.value
    final.parent.mkdir()
    final.write_bytes(CONTENT[:PIECE] + bytes(PIECE) + CONTENT[2 * PIECE :])
    return Place(final)


def leave(place: Place, stop: threading.Event | None = None) -> bool:
    return leave_for_mending(place, place.final, MANIFEST, stop or threading.Event())


def left(place: Place) -> list[Usable]:
    """Return what the next download would go on with."""
    found = read_leftovers(place, find_leftovers(place.parent))
    return [usable for each in found if each.is_free and (usable := find_usable(each, IDENTITY)) is not None]


@pytest.mark.parametrize("size", [SIZE, SIZE - 1, SIZE + 1, PIECE, 1])
def test_all_that_is_there_counts_as_written(place: Place, size: int) -> None:
    """The digests of the manifest say later what of it is damaged; behind its end nothing counts."""
    os.truncate(place.final, size)
    before = see(place.final)

    assert leave(place)

    (usable,) = left(place)
    assert usable.recovered.written == RangeSet([ByteRange(0, min(size, SIZE))])
    assert usable.recovered.prefixes == MANIFEST.prefixes
    assert usable.recovered.size == SIZE
    assert see(place.final) == before


def test_what_was_left_before_is_gone_on_with(place: Place) -> None:
    """P2: a second copy of the damage would be taken for more than what is mended already."""
    leave(place)
    names = find_leftovers(place.parent)

    assert leave(place)

    assert find_leftovers(place.parent) == names


@pytest.mark.parametrize(
    "spoil", [lambda path: path.unlink(), lambda path: os.truncate(path, 0)], ids=["gone", "empty"]
)
def test_nothing_is_left_of_nothing(place: Place, spoil: object) -> None:
    """Then the whole file is fetched, and no orphan is in its way."""
    assert callable(spoil)
    spoil(place.final)

    assert not leave(place)

    assert find_leftovers(place.parent) == []


def test_nothing_is_left_by_one_who_is_stopped_at_once(place: Place) -> None:
    """Ctrl-C leaves no orphan."""
    stop = threading.Event()
    stop.set()

    assert not leave(place, stop)

    assert find_leftovers(place.parent) == []


def test_no_place_for_it_is_no_error(tmp_path: Path) -> None:
    """The download that follows says what is wrong with the directory."""
    damaged = tmp_path / "damaged"
    damaged.write_bytes(CONTENT)
    place = Place(tmp_path / "nowhere" / MANIFEST.digest.value)

    assert not leave_for_mending(place, damaged, MANIFEST, threading.Event())
