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


def test_what_was_forgotten_holds_no_more(tmp_path: Path) -> None:
    """A file that was read and found damaged must not be vouched for by what was known before."""
    (path,) = make(tmp_path / "hub" / "models--org--name" / "blobs", "b")
    book = CacheBook(tmp_path / "hub")
    noted(Receipts(book), path)

    Receipts(book).forget(path)

    assert not Receipts(book).knows(path, DIGEST)


def test_doubt_in_one_book_beats_a_note_in_another(tmp_path: Path) -> None:
    """The book that has the note may be one that can't be written any more."""
    (path,) = make(tmp_path / "hub" / "models--org--name" / "blobs", "b")
    shared, own = CacheBook(tmp_path / "hub"), DirectoryBook(tmp_path / "own")
    noted(Receipts(shared), path)
    page = tmp_path / "hub" / "models--org--name" / OWN / "receipts.jsonl"
    kept = page.read_bytes()
    page.unlink()
    page.mkdir()  # cannot be appended to

    Receipts(shared, own).forget(path)
    page.rmdir()
    page.write_bytes(kept)

    assert Receipts(shared).knows(path, DIGEST)
    assert not Receipts(shared, own).knows(path, DIGEST)


def test_doubt_is_of_what_the_file_was(tmp_path: Path) -> None:
    """What takes its place is judged by itself."""
    (path,) = make(tmp_path / "files", "b")
    receipts = Receipts(DirectoryBook(tmp_path / "receipts"))
    receipts.forget(path)
    make(tmp_path / "files", "c")[0].replace(path)

    noted(receipts, path)

    assert Receipts(DirectoryBook(tmp_path / "receipts")).knows(path, DIGEST)


def test_what_was_doubted_and_then_proved_right_is_known(tmp_path: Path) -> None:
    """A disk that once read wrongly does not cost a read for ever."""
    (path,) = make(tmp_path / "files", "b")
    receipts = Receipts(DirectoryBook(tmp_path / "receipts"))
    receipts.forget(path)

    receipts.note(path, DIGEST, Sight.of(path.stat()), is_flushed=True)
    before_it_is_kept = receipts.knows(path, DIGEST)
    receipts.save()

    assert before_it_is_kept
    assert Receipts(DirectoryBook(tmp_path / "receipts")).knows(path, DIGEST)


def test_forgetting_what_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    """Of a file that is gone nothing holds anyway."""
    Receipts(DirectoryBook(tmp_path / "receipts")).forget(tmp_path / "nothing")

    assert list(tmp_path.iterdir()) == []
