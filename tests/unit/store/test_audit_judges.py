"""What is taken for a fault, a note or nothing, of facts that were seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weighbridge.core.digests import Digest
from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.core.ranges import ByteRange
from weighbridge.core.repos import RepoFile, RepoId, Tree
from weighbridge.store.cache.audit.belongings import judge_blobs
from weighbridge.store.cache.audit.contents import Content, damage, same_files
from weighbridge.store.cache.audit.notes import judge_markers, judge_refs
from weighbridge.store.cache.audit.snapshots import judge_lacks, judge_names
from weighbridge.store.cache.audit.views import Listing, Marker, Name, Ref, Repository, Snapshot, State, Way
from weighbridge.store.cache.layout import CacheFolder

COMMIT, ETAG, OTHER = "c" * 40, "a" * 64, "b" * 64
FOLDER = CacheFolder(Path("/cache"), RepoId.parse("org/name"))
FILE = RepoFile(path="a.bin", size=3, blob_id="d" * 40, sha256=ETAG)
STAT = os.stat_result((0o100644, 7, 1, 1, 0, 0, 3, 0, 0, 0))


def seen(*names: Name, listed: tuple[RepoFile, ...] | None = (FILE,), **more: object) -> Repository:
    snapshot = Snapshot(commit=COMMIT, path=FOLDER.snapshot(COMMIT), names=names)
    good = State.GOOD if listed is not None else State.DAMAGED
    tree = None if listed is None else Tree(COMMIT, listed)
    listing = Listing(commit=COMMIT, path=FOLDER.tree(COMMIT), state=good, tree=tree)
    return Repository(folder=FOLDER, snapshots=(snapshot,), listings={COMMIT: listing}, **more)  # type: ignore[arg-type]


def name(way: Way, blob: str | None = None, path: str = "a.bin") -> Name:
    return Name(path=path, place=FOLDER.pointer(COMMIT, path), way=way, blob=blob, found=STAT)


@pytest.mark.parametrize(
    ("given", "trouble"),
    [
        (name(Way.INSIDE, ETAG), None),
        (name(Way.INSIDE), None),
        (name(Way.ITSELF), None),
        (name(Way.INSIDE, OTHER), Trouble.DAMAGED),
        (name(Way.NOWHERE, ETAG), Trouble.DANGLING),
        (name(Way.NOWHERE), Trouble.DANGLING),
        (name(Way.OUTSIDE), Trouble.FOREIGN),
        (name(Way.ODD), Trouble.EXTRA),
        (name(Way.INSIDE, ETAG, "b.bin"), Trouble.EXTRA),
    ],
)
def test_file_of_a_snapshot_is_judged_by_where_it_leads(given: Name, trouble: Trouble | None) -> None:
    """Each way to be wrong has one name, and a right one has none."""
    found = list(judge_names(seen(given)))

    assert [each.trouble for each in found] == ([] if trouble is None else [trouble])
    assert all(each.is_fault for each in found)


def test_without_a_listing_no_file_is_extra_and_none_is_another_s() -> None:
    """Who never listed a commit has nothing to hold against its files."""
    given = seen(name(Way.INSIDE, OTHER), name(Way.ITSELF, path="b.bin"), listed=None)

    assert list(judge_names(given)) == []
    assert list(judge_lacks(given)) == []


def test_files_that_a_snapshot_lacks_are_one_note() -> None:
    """A snapshot of patterns may lack thousands, and that is as it was wanted."""
    files = tuple(RepoFile(path=f"{each}.bin", size=10, blob_id="d" * 40) for each in range(5))

    (found,) = judge_lacks(seen(listed=files))

    assert (found.is_fault, found.size, len(found.files)) == (False, 50, 5)
    assert found.detail == "5 of the commit's 5 files are not here, which is fine if they were not asked for"


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (COMMIT.encode(), None),
        (f"{COMMIT}\n".encode(), Trouble.DAMAGED),
        (b"", Trouble.DAMAGED),
        (b"main", Trouble.DAMAGED),
        (b"\xff" * 40, Trouble.DAMAGED),
        (None, Trouble.DAMAGED),
        (b"e" * 40, Trouble.DANGLING),
    ],
)
def test_ref_is_judged_as_the_strictest_client_reads_it(content: bytes | None, trouble: Trouble | None) -> None:
    """One that we forgive makes others drop the repository."""
    found = list(judge_refs(seen(refs=(Ref("main", FOLDER.ref("main"), content),))))

    assert [each.trouble for each in found] == ([] if trouble is None else [trouble])


@pytest.mark.parametrize(
    ("path", "size", "count"), [("b.bin", 0, 0), ("a.bin", 0, 1), ("b.bin", 5, 1), ("b.bin", None, 1), ("", 0, 1)]
)
def test_marker_is_judged_by_what_the_commit_has(path: str, size: int | None, count: int) -> None:
    """Others believe it before they look for the file."""
    marker = Marker(COMMIT, path, FOLDER.path / ".no_exist" / COMMIT / path, size)

    found = list(judge_markers(seen(markers=(marker,))))

    assert [each.is_fault for each in found] == [True] * count


def test_blob_is_needed_by_any_link_to_it_even_from_a_strange_snapshot() -> None:
    """What somebody may be reading is never called extra."""
    blob = Name(path=ETAG, place=FOLDER.blob(ETAG), way=Way.ITSELF, found=STAT)
    other = Name(path=OTHER, place=FOLDER.blob(OTHER), way=Way.ITSELF, found=STAT)

    found = list(judge_blobs(seen(name(Way.INSIDE, ETAG), blobs={ETAG: blob, OTHER: other})))

    assert [(each.trouble, each.path, each.is_fault) for each in found] == [(Trouble.EXTRA, FOLDER.blob(OTHER), False)]


def content(size: int, inode: int, value: str = ETAG) -> Content:
    found = os.stat_result((0o100644, inode, 1, 1, 0, 0, size, 0, 0, 0))
    digest = Digest("sha256", value)
    return Content(folder=FOLDER, thing=Thing.BLOB, path=FOLDER.blob(value), digest=digest, found=found)


def test_one_file_under_many_names_is_read_once_and_the_largest_first() -> None:
    """The largest takes longest, so nobody waits for it at the end."""
    groups = same_files([content(1, 1), content(5, 2), content(1, 1), content(1, 1, OTHER)])

    assert [[each.found.st_ino for each in group] for group in groups] == [[2], [1, 1], [1]]


def test_damage_counts_pieces_from_one() -> None:
    """As people do."""
    found = damage(content(9 << 20, 1), "its content is another", ByteRange(8 << 20, 9 << 20))

    assert "piece 3 of 3 on, bytes 8388608 to 9437184" in found.detail
    assert "no file of a snapshot leads to it" in found.detail


def test_findings_can_be_compared_and_kept_in_sets() -> None:
    """What is seen twice is told once, and what is seen only once was somebody at work."""
    first, second = (damage(content(1, 1), "x", None) for _ in range(2))

    assert {first, second} == {first}
    assert isinstance(first, Finding)
