"""The digest that follows the writers: right for every order of arrival, and it finds what rotted meanwhile."""

from __future__ import annotations

import hashlib
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.memory_sink import MemorySink
from weighbridge.core.digests import Digest
from weighbridge.core.ranges import RangeSet
from weighbridge.transfer.hasher import CHECKPOINT, FrontierHasher

KIB = 1024


def md5(content: bytes) -> Digest:
    return Digest("md5", hashlib.md5(content).hexdigest())


@settings(max_examples=50)
@given(
    content=st.binary(min_size=1, max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=10),
    seed=st.integers(0, 1000),
)
def test_digest_is_right_whatever_the_order_of_arrival(content: bytes, cuts: list[int], seed: int) -> None:
    """Blocks arrive in any order; the hasher follows the unbroken prefix and reads back what is in the sink."""
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    blocks = list(itertools.pairwise(edges))
    random.Random(seed).shuffle(blocks)
    sink, written = MemorySink(), RangeSet()
    hasher = FrontierHasher(md5(content), len(content), {}, sink)

    for start, stop in blocks:
        sink.write(start, content[start:stop])
        written.add(start, stop)
        while hasher.position < written.frontier:
            hasher.step(written.frontier)

    assert hasher.position == len(content)
    assert hasher.result() == md5(content)


@given(content=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5))
def test_bytes_fed_as_they_arrive_need_not_be_read_back(content: bytes, cuts: list[int]) -> None:
    """A small file is hashed in one pass."""
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    hasher = FrontierHasher(md5(content), len(content), {}, MemorySink())

    for start, stop in itertools.pairwise(edges):
        hasher.feed(start, content[start:stop])

    assert (hasher.position, hasher.result()) == (len(content), md5(content))


def test_bytes_that_are_not_the_next_ones_are_not_hashed() -> None:
    """A digest over the wrong bytes would refuse the right file."""
    hasher = FrontierHasher(md5(b"abc"), 3, {}, MemorySink())

    hasher.feed(1, b"b")
    hasher.feed(0, b"a")
    hasher.feed(0, b"a")
    hasher.feed(1, b"bc")

    assert hasher.result() == md5(b"abc")


def test_digest_can_be_asked_for_on_the_way() -> None:
    """Asking does not disturb it."""
    hasher = FrontierHasher(md5(b"ab"), 2, {}, MemorySink())
    hasher.feed(0, b"a")

    first = hasher.result()
    hasher.feed(1, b"b")

    assert (first, hasher.result()) == (md5(b"a"), md5(b"ab"))


def test_restart_begins_again_at_the_first_byte() -> None:
    """After a repair the whole file is hashed once more."""
    sink = MemorySink()
    sink.write(0, b"xbc")
    hasher = FrontierHasher(md5(b"abc"), 3, {}, sink)
    hasher.step(3)
    sink.write(0, b"a")

    hasher.restart()
    hasher.step(3)

    assert (hasher.position, hasher.result()) == (3, md5(b"abc"))


@pytest.mark.parametrize("name", ["git-sha1", "sha256", "blake3"])
def test_restart_keeps_the_kind_of_digest(name: str) -> None:
    """The header of git's digest is part of it again."""
    digest = Digest(name, "0" * (40 if name == "git-sha1" else 64))
    hasher = FrontierHasher(digest, 3, {}, MemorySink())
    hasher.feed(0, b"abc")
    before = hasher.result()

    hasher.restart()
    hasher.feed(0, b"abc")

    assert hasher.result() == before


class Zeros:
    """A sink of three checkpoints and a half of zeros, some of them other bytes."""

    size = CHECKPOINT * 7 // 2

    def __init__(self, marks: dict[int, int] | None = None) -> None:
        self.prefixes: dict[int, str] = {}
        self._marks = marks or {}

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Give zeros, and the other bytes."""
        count = min(len(buffer), self.size - offset)
        buffer[:count] = bytes(count)
        for at, value in self._marks.items():
            if offset <= at < offset + count:
                buffer[at - offset] = value
        return count

    def note_prefix(self, offset: int, digest: str) -> None:
        """Keep it."""
        self.prefixes[offset] = digest


def run(hasher: FrontierHasher, frontier: int) -> list[tuple[int, int]]:
    """Step until the frontier, at most so often that it could be hashed twice; return the damage found."""
    found = []
    with hasher:
        for _ in range(2 * frontier // (512 * KIB)):
            damaged = hasher.step(frontier) if hasher.position < frontier else None
            found += [damaged] if damaged is not None else []
    return found


@pytest.fixture(scope="module")
def prefixes() -> dict[int, str]:
    """What an earlier run noted about the zeros."""
    sink = Zeros()
    run(FrontierHasher(md5(b""), sink.size, {}, sink), sink.size)
    return sink.prefixes


def test_prefix_is_noted_at_each_checkpoint(prefixes: dict[int, str]) -> None:
    """They cost nothing and tell a later run where damage is."""
    expected = {CHECKPOINT * number: hashlib.md5(bytes(CHECKPOINT * number)).hexdigest() for number in (1, 2, 3)}

    assert prefixes == expected


def test_undamaged_prefix_is_not_noted_twice(prefixes: dict[int, str]) -> None:
    """A resumed file's journal does not grow by what it says already."""
    sink = Zeros()
    hasher = FrontierHasher(md5(bytes(sink.size)), sink.size, prefixes, sink)

    found = run(hasher, sink.size)

    assert found == []
    assert sink.prefixes == {}
    assert hasher.position == sink.size


@pytest.mark.parametrize("number", [0, 1, 2])
def test_damage_on_disk_is_found_in_its_own_span(prefixes: dict[int, str], number: int) -> None:
    """Of a large file only the damaged 4 MiB are fetched again."""
    sink = Zeros({CHECKPOINT * number + 5: 1})
    hasher = FrontierHasher(md5(b""), sink.size, prefixes, sink)

    found = []
    with hasher:
        while not found:
            found = [each for each in [hasher.step(sink.size)] if each is not None]

    assert found == [(CHECKPOINT * number, CHECKPOINT * (number + 1))]
    assert hasher.position == CHECKPOINT * number


def test_no_span_is_reported_twice(prefixes: dict[int, str]) -> None:
    """P3: the promised digest decides in the end, so notes that are wrong can't keep a file for ever."""
    sink = Zeros({5: 1})
    hasher = FrontierHasher(md5(bytes(sink.size)), sink.size, prefixes, sink)

    found = run(hasher, sink.size)

    whole = [(CHECKPOINT * number, CHECKPOINT * (number + 1)) for number in range(3)]
    assert found == [*whole, (3 * CHECKPOINT, sink.size)]
    assert hasher.position == sink.size


def test_damage_in_the_last_piece_is_found_if_all_before_it_is_known(prefixes: dict[int, str]) -> None:
    """Behind the last checkpoint the promised digest itself tells, so that no more than the last piece is fetched."""
    sink = Zeros({3 * CHECKPOINT + 5: 1})
    hasher = FrontierHasher(md5(bytes(sink.size)), sink.size, prefixes, sink)

    found = run(hasher, sink.size)

    assert found == [(3 * CHECKPOINT, sink.size)]


@pytest.mark.parametrize("step", [CHECKPOINT // 4, CHECKPOINT, CHECKPOINT - 1, CHECKPOINT * 7 // 2])
def test_prefixes_are_noted_of_bytes_that_are_fed(prefixes: dict[int, str], step: int) -> None:
    """A file that is hashed as it arrives has a manifest, too, however its bytes were cut."""
    sink = Zeros()
    hasher = FrontierHasher(md5(b""), sink.size, {}, sink)

    for start in range(0, sink.size, step):
        hasher.feed(start, bytes(min(step, sink.size - start)))

    assert sink.prefixes == prefixes
    assert hasher.result() == md5(bytes(sink.size))


def test_bytes_that_vanished_are_damage() -> None:
    """Somebody cut the partial: what is gone is fetched again."""
    sink = MemorySink()
    sink.write(0, b"ab")
    hasher = FrontierHasher(md5(b"abcd"), 4, {}, sink)

    found = [hasher.step(4), hasher.step(4)]

    assert found == [None, (2, 4)]
    assert hasher.position == 2
