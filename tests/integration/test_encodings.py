"""Bodies in wrappings nobody asked for: unwrapped where that is sure, refused where it is not, bounded always."""

from __future__ import annotations

import gzip
import resource
import time
from pathlib import Path

import pytest

from tests.support.calls import UNHURRIED, ask, fetch, names, quick
from tests.support.fault_server import FaultServer, Held, Resource, SparseFile
from tests.support.faults import (
    Chunked,
    CloseDelimited,
    CutAfter,
    EndlessBody,
    ExtraHeaders,
    Fault,
    Gzip,
    GzipBomb,
    IgnoreRange,
)
from weighbridge.core.errors import (
    BadAnswerError,
    DigestMismatchError,
    RetriesExhaustedError,
    TransferError,
)

SIZE = 1 << 20
WRAPPINGS = [
    IgnoreRange() & Gzip(),
    IgnoreRange() & Gzip() & Chunked(),
    IgnoreRange() & Gzip() & CloseDelimited(),
    Gzip(),
    Gzip() & Chunked(),
    IgnoreRange() & Chunked(),
    IgnoreRange() & CloseDelimited(),
    Chunked(),
    CloseDelimited(),
]


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("wrapping", WRAPPINGS, ids=repr)
def test_wrapped_body_is_unwrapped(server: FaultServer, place: Path, wrapping: Fault, digest: str | None) -> None:
    """Gzip though identity was asked for, chunks, no length at all: the file is the file."""
    server.on(fault=wrapping)

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.size == SIZE


@pytest.mark.parametrize("nth", [2, 4])
@pytest.mark.parametrize("wrapping", [Gzip(), Gzip() & Chunked(), IgnoreRange() & Gzip()], ids=repr)
def test_wrapping_of_a_later_piece_is_not_written(server: FaultServer, place: Path, wrapping: Fault, nth: int) -> None:
    """Offsets inside an encoded body mean nothing."""
    server.on(nth=nth, fault=wrapping)

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize("digest", ["promised", None])
def test_compressed_file_that_is_called_encoded_stays_compressed(
    server: FaultServer, place: Path, digest: str | None
) -> None:
    """Servers that send ``model.tar.gz`` with ``Content-Encoding: gzip`` mean the file, not its wrapping."""
    server.put("/model.tar.gz", gzip.compress(SparseFile(SIZE).read(), compresslevel=1))
    server.on(fault=ExtraHeaders({"Content-Encoding": "gzip"}))

    result = fetch(ask(server, "/model.tar.gz", digest), place)

    assert result.path.read_bytes() == server.content("/model.tar.gz")


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "aes128gcm", "gzip, br"])
def test_encoding_that_can_not_be_undone_is_refused(
    server: FaultServer, place: Path, encoding: str, digest: str | None
) -> None:
    """Bytes in a wrapping that stays on are not the file, and must not pass for it where nothing was promised."""
    server.on(fault=IgnoreRange() & ExtraHeaders({"Content-Encoding": encoding}))

    with pytest.raises(BadAnswerError, match="encoding"):
        fetch(ask(server, "/model.bin", digest), place)

    assert names(place) == []


def test_body_that_is_not_what_its_encoding_says_is_refused(server: FaultServer, place: Path) -> None:
    """Something called gzip that is none ends in an error, not in a crash."""
    server.on(fault=IgnoreRange() & ExtraHeaders({"Content-Encoding": "gzip"}))

    with pytest.raises(TransferError):
        fetch(ask(server, "/model.bin"), place)

    assert names(place) == []


@pytest.mark.parametrize("wrapping", [Chunked(), Gzip() & Chunked(), Gzip()], ids=repr)
def test_wrapped_body_that_breaks_is_asked_for_again(server: FaultServer, place: Path, wrapping: Fault) -> None:
    """The end of a connection is not the end of a body that has another end."""
    server.on(nth=1, fault=IgnoreRange() & wrapping & CutAfter(200_000, rst=False))
    server.on(fault=IgnoreRange() & wrapping)

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")


def test_chunks_that_break_are_never_taken_for_a_file(server: FaultServer, place: Path) -> None:
    """Without a promised digest, too, a body without its last chunk is cut, not short."""
    server.on(fault=IgnoreRange() & Chunked() & CutAfter(200_000, rst=False))

    with pytest.raises(RetriesExhaustedError):
        fetch(ask(server, "/model.bin", None), place)

    assert "model.bin" not in names(place)


def test_close_that_came_too_early_is_found_out_by_the_digest(server: FaultServer, place: Path) -> None:
    """A body that only the end of the connection ends may have been cut; it is asked for once more."""
    server.on(nth=1, fault=IgnoreRange() & CloseDelimited() & CutAfter(200_000, rst=False))
    server.on(fault=IgnoreRange() & CloseDelimited())

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize("size", [None, SIZE], ids=["size unknown", "size promised"])
def test_close_that_always_comes_too_early_is_an_error(server: FaultServer, place: Path, size: int | None) -> None:
    """Once more is once."""
    server.on(fault=IgnoreRange() & CloseDelimited() & CutAfter(200_000, rst=False))

    with pytest.raises((DigestMismatchError, RetriesExhaustedError)):
        fetch(ask(server, "/model.bin", size=size), place)

    assert "model.bin" not in names(place)
    assert len(server.requests) < 10


@pytest.mark.parametrize("wrapping", [EndlessBody(), EndlessBody() & Chunked()], ids=repr)
def test_endless_body_ends_with_the_promised_size(server: FaultServer, place: Path, wrapping: Fault) -> None:
    """Reading stops where the file does, whatever goes on coming."""
    server.on(fault=IgnoreRange() & wrapping)

    result = fetch(ask(server, "/model.bin", size=SIZE), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.bytes_fetched == SIZE


@pytest.mark.parametrize("size", [SIZE, 10 * SIZE])
def test_decompression_bomb_ends_with_the_promised_size(server: FaultServer, place: Path, size: int) -> None:
    """A kilobyte that unpacks to a gigabyte fills neither the disk nor the memory."""
    server.put("/model.bin", Resource(content=Held(bytes(SIZE)), etag='"bomb"', modified_at=None))
    server.on(fault=IgnoreRange() & GzipBomb(1 << 30))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()

    with pytest.raises(DigestMismatchError):
        fetch(ask(server, "/model.bin", "0" * 64, size=size), place, UNHURRIED)

    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB
    assert names(place) == []


def test_chunked_file_in_whole_memory_pieces_is_hashed(server: FaultServer, place: Path) -> None:
    """A length that nobody tells is learned, and the file is still checked on the way."""
    server.put("/large.bin", SparseFile(5 << 20))
    server.on(fault=IgnoreRange() & Chunked())

    result = fetch(ask(server, "/large.bin"), place, quick())

    assert result.size == 5 << 20
    assert result.path.read_bytes() == server.content("/large.bin")
