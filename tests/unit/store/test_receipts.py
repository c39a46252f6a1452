"""Receipts: found again whichever way leads to the file, and their file does not grow without end."""

from __future__ import annotations

import json
from pathlib import Path

from weighbridge.core.digests import Digest
from weighbridge.store.cache.layout import OWN
from weighbridge.store.receipts import Book, CacheBook, DirectoryBook, Receipts
from weighbridge.store.sight import Sight

DIGEST = Digest("sha256", "1" * 64)


def noted(receipts: Receipts, *paths: Path) -> None:
    """Note files that are there, and keep that."""
    for path in paths:
        receipts.note(path, DIGEST, Sight.of(path.stat()), is_flushed=True)
    receipts.save()


def make(directory: Path, *names: str) -> list[Path]:
    """Make some files."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / name for name in names]
    for path in paths:
        path.write_bytes(b"x")
    return paths


def lines(place: Path) -> list[str]:
    """Return the names in a file of receipts."""
    return [json.loads(each)["name"] for each in place.read_text().splitlines()]


def test_cache_that_a_link_leads_to_has_one_page(tmp_path: Path) -> None:
    """Whether a path is told with or without the link, its receipt is the repository's."""
    (real,) = make(tmp_path / "disk" / "models--org--name" / "blobs", "b")
    (tmp_path / "hub").symlink_to("disk")
    book, linked = CacheBook(tmp_path / "hub"), tmp_path / "hub" / "models--org--name"

    noted(Receipts(book), real)

    assert Receipts(book).knows(linked / "blobs" / "b", DIGEST)
    assert Receipts(book).knows(real, DIGEST)
    assert lines(linked / OWN / "receipts.jsonl") == ["blobs/b"]


def test_what_is_not_in_a_repository_has_no_page(tmp_path: Path) -> None:
    """Nothing of ours appears beside other people's files."""
    book = CacheBook(tmp_path / "hub")

    found = [book.page_of(tmp_path / each) for each in ("hubs/models--a/x", "hub/x", "hub/backup/x", "x")]

    assert found == [None] * 4


def test_note_is_known_before_it_is_kept(tmp_path: Path) -> None:
    """Of files of the same name in several directories too."""
    first, second = make(tmp_path / "a", "f") + make(tmp_path / "b", "f")
    receipts = Receipts(DirectoryBook(tmp_path / "receipts"))

    receipts.note(first, DIGEST, Sight.of(first.stat()), is_flushed=True)

    assert (receipts.knows(first, DIGEST), receipts.knows(second, DIGEST)) == (True, False)


def test_file_of_receipts_is_written_anew_when_most_of_it_is_out_of_date(tmp_path: Path) -> None:
    """A file that is verified again and again has one line then, and one that went has none."""
    for book in books(tmp_path):
        stays, goes = make(tmp_path / "hub" / "models--a", "stays", "goes")
        page = book.page_of(stays)
        assert page is not None
        noted(Receipts(book), stays, goes)
        goes.unlink()

        receipts = Receipts(book)
        for _ in range(256):
            noted(receipts, stays)
        before = len(lines(page[0]))
        for _ in range(3):
            noted(receipts, stays)

        assert before == 258
        assert set(lines(page[0])) == {"stays"}
        assert len(lines(page[0])) < 5
        assert Receipts(book).knows(stays, DIGEST)


def test_lines_of_others_survive_when_the_file_is_written_anew(tmp_path: Path) -> None:
    """Another process may have noted other files since this one looked."""
    ours, theirs = make(tmp_path / "d", "ours", "theirs")
    book = DirectoryBook(tmp_path / "receipts")
    receipts = Receipts(book)
    noted(receipts, ours)
    noted(Receipts(book), theirs)

    for _ in range(300):
        noted(receipts, ours)

    assert len(lines(book.page_of(ours)[0])) < 300
    assert Receipts(book).knows(theirs, DIGEST)


def books(tmp_path: Path) -> list[Book]:
    return [DirectoryBook(tmp_path / "receipts"), CacheBook(tmp_path / "hub")]


def test_what_can_not_be_written_holds_while_the_process_runs(tmp_path: Path) -> None:
    """Where everything is read-only each call would read every file anew."""
    [file] = make(tmp_path, "file")
    (tmp_path / "no directory").write_bytes(b"")
    book = DirectoryBook(tmp_path / "no directory" / "receipts")

    noted(Receipts(book), file)

    assert Receipts(book).knows(file, DIGEST)
    assert not Receipts(book).knows(file, Digest("sha256", "0" * 64))
