"""Torn, stale, foreign, lying and too-new journals are harmless: at worst the file is fetched again."""

from __future__ import annotations

import json
import os
import random
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.scene import KIB, MIB, Groups, Scene
from weighbridge.store.journal import FORMAT, encode

SIZE = 128 * KIB
SMALL: Groups = {
    "transfer": {"first_piece": 16 * KIB, "piece_min": 16 * KIB, "piece_max": 16 * KIB, "split_min": 8 * KIB}
}
HALF = SIZE // 2
COST = 2 * 16 * KIB
HUGE = 1 << 61


@pytest.fixture
def partial(scene: Scene) -> Path:
    """The partial of a client that was killed half-way through a small file."""
    scene.put(SIZE)
    with scene.server.gate("/model.bin", after=HALF):
        client = scene.start(scene.task(SMALL))
        scene.wait_recorded(HALF - COST)
        client.kill()
    scene.server.wait_idle()
    (found,) = scene.partials()
    return found


def records(journal: bytes) -> list[dict[str, Any]]:
    return [json.loads(line.partition(b" ")[2]) for line in journal.splitlines()]


def with_header(**changes: Any) -> Callable[[bytes], bytes]:
    """Return what makes a journal one with another header, its checksum right."""

    def change(journal: bytes) -> bytes:
        header, *rest = records(journal)
        return b"".join(map(encode, [{**header, **changes}, *rest]))

    return change


def with_more(*more: dict[str, Any]) -> Callable[[bytes], bytes]:
    """Return what adds records to a journal, their checksums right."""
    return lambda journal: journal + b"".join(map(encode, more))


def line_of(text: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(text), text)


WORTHLESS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "zeros": lambda journal: bytes(len(journal)),
    "noise": lambda journal: random.Random(1).randbytes(len(journal)),
    "one line of noise": lambda journal: b"\xff\xfe" + journal,
    "no line end": lambda journal: journal.replace(b"\n", b""),
    "no header": lambda journal: journal.split(b"\n", 1)[1],
    "not a header": with_header(kind="reset"),
    "older format": with_header(format=FORMAT - 1),
    "format that is no number": with_header(format="1"),
    "other digest": with_header(digest="sha256:" + "0" * 64),
    "no digest": with_header(digest=None, source="http://elsewhere/model.bin"),
    "digest that is no text": with_header(digest=[1, 2]),
    "no owner": with_header(owner=None),
    "owner without a process": with_header(owner={"host": "h", "boot": "b", "namespace": 1, "pid": "1", "start": 1}),
    "header that is a list": lambda _: line_of(b"[]"),
    "header that is a number": lambda _: line_of(b"1"),
    "deep JSON": lambda _: line_of(b"[" * 100_000 + b"]" * 100_000),
    "long number": lambda _: line_of(b'{"kind":"header","format":' + b"1" * 5000 + b"}"),
    "checksum in another script": lambda journal: "１".encode() + journal[1:],  # noqa: RUF001
    "reset at the end": with_more({"kind": "reset"}),
    "void from the start": with_more({"kind": "void", "start": 0, "stop": HUGE}),
}

LYING: dict[str, Callable[[bytes], bytes]] = {
    "range beyond the size": with_more({"kind": "wrote", "start": SIZE, "stop": SIZE + 4096}),
    "range across the end": with_more({"kind": "wrote", "start": SIZE - 5, "stop": HUGE}),
    "everything was written": with_more({"kind": "wrote", "start": 0, "stop": SIZE}),
    "everything and more": with_more({"kind": "wrote", "start": 0, "stop": HUGE}),
    "empty range": with_more({"kind": "wrote", "start": 5, "stop": 5}),
    "backward range": with_more({"kind": "wrote", "start": 9, "stop": 5}),
    "negative range": with_more({"kind": "wrote", "start": -5, "stop": 5}),
    "number that no file has": with_more({"kind": "wrote", "start": 0, "stop": 10**40}),
    "range that is text": with_more({"kind": "wrote", "start": "0", "stop": "5"}),
    "range that is true": with_more({"kind": "wrote", "start": False, "stop": True}),
    "other size": with_more({"kind": "size", "size": SIZE * 3, "etag": None, "modified": None}),
    "smaller size": with_more({"kind": "size", "size": 1000, "etag": None, "modified": None}),
    "no size": with_more({"kind": "size", "size": -1, "etag": None, "modified": None}),
    "huge size": with_more({"kind": "size", "size": HUGE, "etag": None, "modified": None}),
    "other validator": with_more({"kind": "size", "size": SIZE, "etag": '"other"', "modified": None}),
    "wrong prefix digest": with_more({"kind": "prefix", "at": 16 * KIB, "digest": "0" * 64}),
    "prefix beyond the end": with_more({"kind": "prefix", "at": HUGE, "digest": "0" * 64}),
    "record of a kind to come": with_more({"kind": "blessed"}, {"kind": "wrote", "start": 0, "stop": SIZE}),
    "released": with_more({"kind": "released"}),
    "durable without a flush": with_more({"kind": "durable"}),
}


@pytest.mark.parametrize("change", WORTHLESS.values(), ids=WORTHLESS)
def test_worthless_journal_costs_its_partial_and_nothing_else(
    scene: Scene, partial: Path, change: Callable[[bytes], bytes]
) -> None:
    """What can't be read, or is of something else, is removed and never mixed in."""
    journal = partial / "journal"
    journal.write_bytes(change(journal.read_bytes()))

    (result,) = scene.fetch(scene.task(SMALL))

    assert result.bytes_resumed == 0
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("change", LYING.values(), ids=LYING)
def test_lying_journal_is_found_out(scene: Scene, partial: Path, change: Callable[[bytes], bytes]) -> None:
    """Records that can't be true end the replay; bytes that are not there are found by the digest and fetched."""
    journal = partial / "journal"
    journal.write_bytes(change(journal.read_bytes()))

    scene.fetch(scene.task(SMALL))

    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_journal_torn_at_any_byte_is_gone_on_from(scene: Scene, partial: Path) -> None:
    """A power loss may end a journal anywhere; every record before that counts."""
    whole, kept = (partial / "journal").read_bytes(), scene.root / "kept"
    shutil.copytree(partial, kept)
    lines = [at + 1 for at, each in enumerate(whole) if each == 0x0A]
    cuts = sorted({*lines, *(at - 1 for at in lines), *range(0, len(whole), 13)})
    outcomes = []

    for cut in cuts:
        shutil.rmtree(scene.directory)
        shutil.copytree(kept, partial)
        os.truncate(partial / "journal", cut)
        (result,) = scene.fetch(scene.task(SMALL))
        outcomes.append((scene.is_right, scene.listing(), result.bytes_fetched + result.bytes_resumed))

    assert outcomes == [(True, ["model.bin"], SIZE)] * len(cuts)


@pytest.mark.parametrize("version", [FORMAT + 1, FORMAT + 1000])
def test_journal_of_a_later_version_is_left_alone(scene: Scene, partial: Path, version: int) -> None:
    """Somebody else's newer tool may go on with it: it is not read, not removed, and no error."""
    journal = partial / "journal"
    journal.write_bytes(with_header(format=version)(journal.read_bytes()))
    before = {path.name: path.read_bytes() for path in partial.iterdir()}
    week_ago = journal.stat().st_mtime - 7 * 24 * 3600
    for path in (journal, partial / "data", partial):
        os.utime(path, (week_ago, week_ago))

    (result,) = scene.fetch(scene.task(SMALL))

    assert result.bytes_resumed == 0
    assert scene.is_right
    assert {path.name: path.read_bytes() for path in partial.iterdir()} == before
    assert [each for each in scene.listing() if "/" not in each] == [partial.name, "model.bin"]


@pytest.mark.parametrize("what", ["journal", "data"])
def test_half_a_partial_is_removed(scene: Scene, partial: Path, what: str) -> None:
    """A journal without data, or data without a journal, is no use to anybody."""
    (partial / what).unlink()

    (result,) = scene.fetch(scene.task(SMALL))

    assert result.bytes_resumed == 0
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("length", [0, 1, 16 * KIB - 1, 16 * KIB, 40 * KIB])
def test_data_shorter_than_the_journal_says_is_gone_on_from(scene: Scene, partial: Path, length: int) -> None:
    """Bytes that are not in the file don't count, whoever cut it."""
    os.truncate(partial / "data", length)

    (result,) = scene.fetch(scene.task(SMALL))

    assert result.bytes_resumed <= length
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_data_longer_than_the_file_is_cut(scene: Scene, partial: Path) -> None:
    """What lies behind the end is never published with it."""
    with (partial / "data").open("ab") as data:
        data.write(b"x" * MIB)

    scene.fetch(scene.task(SMALL))

    assert scene.is_right


def test_whole_data_with_something_behind_it_is_cut(scene: Scene, partial: Path) -> None:
    """Not even a file of which nothing is missing may carry more than its own bytes."""
    (partial / "data").write_bytes(scene.content.read() + b"x" * 1000)
    journal = partial / "journal"
    journal.write_bytes(with_more({"kind": "wrote", "start": 0, "stop": SIZE})(journal.read_bytes()))
    before = scene.server.bytes_sent()

    (result,) = scene.fetch(scene.task(SMALL))

    assert (result.bytes_fetched, scene.server.bytes_sent() - before) == (0, 0)
    assert scene.is_right


@pytest.mark.parametrize("what", ["journal", "data"])
@pytest.mark.parametrize("kind", ["pipe", "link", "directory"])
def test_partial_of_odd_files_is_harmless(scene: Scene, partial: Path, what: str, kind: str) -> None:
    """Nobody who may write to the directory can make us wait, or write somewhere else."""
    outside = scene.root / "outside"
    outside.write_bytes(bytes(SIZE))
    (partial / what).unlink()
    make: dict[str, Callable[[Path], Any]] = {
        "pipe": os.mkfifo,
        "link": lambda path: path.symlink_to(outside),
        "directory": Path.mkdir,
    }
    make[kind](partial / what)

    (result,) = scene.fetch(scene.task(SMALL))

    assert result.bytes_resumed == 0
    assert scene.is_right
    assert outside.read_bytes() == bytes(SIZE)
