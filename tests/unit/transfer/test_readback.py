"""Bytes that are read ahead are those that were asked for, and nothing is left behind of whoever reads them."""

from __future__ import annotations

import threading
from random import Random

import pytest

from tests.support.memory_sink import MemorySink
from weighbridge.core.errors import StoreError
from weighbridge.transfer.readback import ReadBack

CONTENT = Random(5).randbytes(1000)


class _Broken(MemorySink):
    """One that can't be read from byte 100 on."""

    def read_into(self, offset: int, buffer: memoryview) -> int:
        if offset >= 100:
            raise StoreError("the disk is broken", path="/x")
        return super().read_into(offset, buffer)


@pytest.fixture
def sink() -> MemorySink:
    sink = MemorySink()
    sink.write(0, CONTENT)
    return sink


def readers() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "weighbridge-reader"]


def test_bytes_in_order_are_right(sink: MemorySink) -> None:
    """Each block is the one asked for, not the one before or after it."""
    readback, found = ReadBack(sink, 100), []

    for offset in range(0, 1000, 100):
        block = readback.read(offset, 100)
        readback.expect(offset + 100, 100)
        found.append(bytes(block))
    readback.end()

    assert b"".join(found) == CONTENT


def test_what_was_not_expected_is_read_anew(sink: MemorySink) -> None:
    """Whoever goes back, or asks for less, gets that."""
    readback = ReadBack(sink, 100)

    readback.expect(100, 100)
    less = bytes(readback.read(100, 50))
    readback.expect(200, 100)
    back = bytes(readback.read(0, 100))
    readback.end()

    assert (less, back) == (CONTENT[100:150], CONTENT[:100])


def test_what_was_forgotten_is_read_again(sink: MemorySink) -> None:
    """Bytes that were written anew since they were read ahead are not taken from memory."""
    readback = ReadBack(sink, 100)
    readback.expect(0, 100)
    readback.forget()
    sink.write(0, bytes(100))

    found = bytes(readback.read(0, 100))
    readback.end()

    assert found == bytes(100)


def test_error_comes_where_the_bytes_are_waited_for() -> None:
    """A disk that fails is told to whoever hashes, not to nobody."""
    sink = _Broken()
    sink.write(0, CONTENT)
    readback = ReadBack(sink, 100)
    readback.expect(100, 100)

    with pytest.raises(StoreError, match="broken"):
        readback.read(100, 100)

    readback.end()


def test_no_thread_is_left(sink: MemorySink) -> None:
    """However many read ahead, there are few threads, and in the end none."""
    many = [ReadBack(sink, 100) for _ in range(20)]

    for each in many:
        each.expect(0, 100)
    meanwhile = len(readers())
    found = {bytes(each.read(0, 100)) for each in many}
    for each in many:
        each.end()
        each.end()

    assert 1 <= meanwhile <= 4
    assert (found, readers()) == ({CONTENT[:100]}, [])
