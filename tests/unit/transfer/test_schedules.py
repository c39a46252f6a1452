"""A transfer under every order of events that chance can think of: never wrong bytes, always an end, bounded cost.

Each example runs the real decisions (job, choice, failures, hasher) with workers that are stepped one at a time; the
simulation itself asserts after each step that no two workers hold the same byte and that the journal tells the truth.
"""

from __future__ import annotations

import hashlib
import os
import random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.memory_sink import MemorySink
from tests.support.simulated_transfer import OPTIONS, Server, Transfer
from weighbridge.core.digests import Digest
from weighbridge.core.errors import RetriesExhaustedError, WeighbridgeError
from weighbridge.core.ranges import RangeSet
from weighbridge.core.recovery import Validator

SIZES = [0, 1, 15, 47, 48, 49, 97, 200, 600]
ATTEMPTS = OPTIONS.retry.attempts
THOROUGH = int(os.environ.get("WEIGHBRIDGE_THOROUGH", "1"))

pytestmark = pytest.mark.timeout(300)  # some hundred whole transfers each, which a busy machine makes long

chances = st.integers(0, 2**32).map(random.Random)
seldom = st.sampled_from([0.0, 0.0, 0.1])
often = st.sampled_from([0.0, 0.3, 1.0])
etags = st.sampled_from(['"1"', 'W/"1"', None])
contents = st.tuples(st.sampled_from(SIZES), st.integers(0, 5)).map(
    lambda pair: random.Random(pair[1]).randbytes(pair[0])
)


def schedules(count: int) -> settings:
    """Try so many, or by hand a multiple of them; a seed can't be made simpler, so nobody tries."""
    return settings(max_examples=count * THOROUGH, phases=(Phase.explicit, Phase.reuse, Phase.generate))


def md5(content: bytes) -> Digest:
    return Digest("md5", hashlib.md5(content).hexdigest())


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return the content with one bit wrong, if it has any."""
    at = chance.randrange(max(1, len(content)))
    return content[:at] + bytes(byte ^ 1 for byte in content[at : at + 1]) + content[at + 1 :]


def servers(content: bytes) -> st.SearchStrategy[Server]:
    """Servers of ``content`` that fail in every way but to change it."""
    return st.builds(
        Server,
        content=st.just(content),
        etag=etags,
        whole=often,
        short=often,
        refuse=seldom,
        gone=st.sampled_from([0.0, 0.0, 0.02]),
        redirect=often,
        expire=seldom,
        lie=seldom,
        cut=seldom,
        silent=often.map(lambda chance: chance / 2),
    )


def honest(content: bytes) -> st.SearchStrategy[Server]:
    """Servers that give ``content``, each in its own pace and portions."""
    silent = st.sampled_from([0.0, 0.3])
    return st.builds(Server, content=st.just(content), etag=etags, short=often, redirect=often, silent=silent)


@schedules(60)
@given(data=st.data(), content=contents, chance=chances)
def test_no_order_of_events_ends_in_wrong_bytes(data: st.DataObject, content: bytes, chance: random.Random) -> None:
    """P1 and P3: with a promised digest it is the promised file or an error, however the servers lie and fail."""
    versions = [content, damaged(content, chance), content[: len(content) // 2], content + b"x"]
    sources = [data.draw(servers(data.draw(st.sampled_from(versions)))) for _ in range(data.draw(st.integers(1, 3)))]
    size = data.draw(st.sampled_from([None, len(content)]))
    transfer = Transfer(sources, md5(content), chance, size=size)

    transfer.run()

    assert transfer.published in {content, None}


@schedules(50)
@given(data=st.data(), content=contents, chance=chances)
def test_honest_primary_is_enough(data: st.DataObject, content: bytes, chance: random.Random) -> None:
    """A helper costs time and nothing else: whatever the others do, the file arrives, each byte at most twice."""
    wrong = damaged(content, chance)
    helpers = [
        data.draw(servers(data.draw(st.sampled_from([content, wrong])))) for _ in range(data.draw(st.integers(0, 2)))
    ]
    size = data.draw(st.sampled_from([None, len(content)]))
    transfer = Transfer([data.draw(honest(content)), *helpers], md5(content), chance, size=size)

    transfer.run()

    assert transfer.job.error is None
    assert transfer.published == content
    given_by_primary = transfer.job.sources[0].received
    assert given_by_primary <= 2 * len(content)


@schedules(30)
@given(data=st.data(), content=contents, chance=chances)
def test_honest_server_sends_each_byte_once(data: st.DataObject, content: bytes, chance: random.Random) -> None:
    """P8: splits, takeovers and short answers fetch nothing twice."""
    server = data.draw(honest(content))
    transfer = Transfer([server], md5(content), chance, size=data.draw(st.sampled_from([None, len(content)])))

    transfer.run()

    assert transfer.job.fetched == len(content)
    assert transfer.sink.noted.total == len(content)


@schedules(30)
@given(data=st.data(), content=contents, chance=chances)
def test_server_that_breaks_after_progress_is_outlasted(
    data: st.DataObject, content: bytes, chance: random.Random
) -> None:
    """P2: attempts are given back with progress, so any number of single failures is survived."""
    server = data.draw(honest(content))
    server.short, server.cut_after = 0.0, OPTIONS.retry.refill_bytes
    transfer = Transfer([server], md5(content), chance)

    transfer.run()

    assert transfer.published == content


@schedules(20)
@given(content=st.sampled_from(SIZES[5:]).map(random.Random(1).randbytes), chance=chances, etag=etags)
def test_body_that_always_breaks_at_the_same_byte_ends_the_transfer(
    content: bytes, chance: random.Random, etag: str | None
) -> None:
    """P3: bytes that were here already are no progress, however many of them come."""
    server = Server(content=content, etag=etag, whole=1.0, cut_after=len(content) - 1)
    transfer = Transfer([server], md5(content), chance)

    transfer.run()

    assert isinstance(transfer.job.error, RetriesExhaustedError)
    assert transfer.asked <= ATTEMPTS + 1
    assert transfer.job.written.total <= len(content) - 1


@schedules(30)
@given(data=st.data(), count=st.integers(1, 3), chance=chances)
def test_servers_that_give_nothing_are_asked_a_bounded_number_of_times(
    data: st.DataObject, count: int, chance: random.Random
) -> None:
    """P3 and P8: nobody is hammered, and the error comes."""
    content = data.draw(contents)
    dead = st.sampled_from([{"refuse": 1.0}, {"gone": 1.0}, {"redirect": 1.0, "expire": 1.0}, {"cut_after": 0}])
    sources = [Server(content=content or b"x", **data.draw(dead)) for _ in range(count)]
    transfer = Transfer(
        sources, md5(content or b"x"), chance, size=data.draw(st.sampled_from([None, len(content or b"x")]))
    )

    transfer.run()

    assert isinstance(transfer.job.error, WeighbridgeError)
    assert transfer.asked <= count * (ATTEMPTS + OPTIONS.connections_per_file)


@schedules(40)
@given(data=st.data(), chance=chances)
def test_without_a_digest_sources_are_never_mixed(data: st.DataObject, chance: random.Random) -> None:
    """P1 without a promise: what arrives is one server's file, whole."""
    one, other = random.Random(1).randbytes(300), random.Random(2).randbytes(300)
    failing = {"cut_after": data.draw(st.integers(0, 200)), "whole": data.draw(often), "etag": data.draw(etags)}
    transfer = Transfer([Server(content=one, **failing), data.draw(honest(other))], None, chance)

    transfer.run()

    assert transfer.published in {one, other, None}


@schedules(40)
@given(data=st.data(), chance=chances, etag=st.sampled_from(['"1"', 'W/"1"']))
def test_without_a_digest_states_of_a_changing_file_are_never_mixed(
    data: st.DataObject, chance: random.Random, etag: str
) -> None:
    """A new ETag or size voids what came before."""
    versions = [random.Random(seed).randbytes(data.draw(st.sampled_from([299, 300]))) for seed in range(4)]
    server = data.draw(honest(versions[0]))
    server.etag, server.changes = etag, versions[1:]
    transfer = Transfer([server], None, chance)

    transfer.run()

    assert transfer.published in {*versions, None}


def left_by_earlier_run(content: bytes, chance: random.Random) -> RangeSet:
    """Return some ranges of the content."""
    written = RangeSet()
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content))
        written.add(start, min(len(content), start + chance.randint(1, 200)))
    return written


@schedules(50)
@given(data=st.data(), chance=chances)
def test_resumed_file_is_right_even_if_what_was_left_is_not(data: st.DataObject, chance: random.Random) -> None:
    """P1 and P2: what an earlier run left is used where it is right and replaced where it isn't, ranges or not."""
    content = random.Random(3).randbytes(600)
    left = data.draw(st.sampled_from([content, damaged(content, chance)]))
    sink = MemorySink.holding(left, left_by_earlier_run(content, chance), Validator('"1"'))
    server = data.draw(honest(content))
    server.whole = data.draw(st.sampled_from([0.0, 1.0]))
    transfer = Transfer([server], md5(content), chance, sink)

    transfer.run()

    assert transfer.published == content


@schedules(30)
@given(data=st.data(), chance=chances)
def test_resumed_file_fetches_only_what_is_missing(data: st.DataObject, chance: random.Random) -> None:
    """P2: at a server that serves ranges, what is here is not fetched again."""
    content = random.Random(3).randbytes(600)
    written = left_by_earlier_run(content, chance)
    transfer = Transfer(
        [data.draw(honest(content))], md5(content), chance, MemorySink.holding(content, written, Validator('"1"'))
    )

    transfer.run()

    assert transfer.published == content
    assert transfer.job.fetched == len(content) - written.total


@schedules(30)
@given(data=st.data(), chance=chances, etag=st.sampled_from(['"1"', '"2"', 'W/"1"', None]))
def test_resumed_file_without_a_digest_is_of_one_state(
    data: st.DataObject, chance: random.Random, etag: str | None
) -> None:
    """Only the same strong ETag vouches for what an earlier run left."""
    old, new = random.Random(3).randbytes(600), random.Random(4).randbytes(600)
    content = old if etag == '"1"' else new
    sink = MemorySink.holding(old, left_by_earlier_run(old, chance), Validator('"1"'))
    server = data.draw(honest(content))
    server.etag = etag
    transfer = Transfer([server], None, chance, sink)

    transfer.run()

    assert transfer.published == content
