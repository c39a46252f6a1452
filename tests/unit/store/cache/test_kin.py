"""Content that another repository has already: found by its name, and given a second place without a trace."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from weighbridge.core.errors import StoreError
from weighbridge.core.repos import Kind, RepoId
from weighbridge.store.cache.kin import find_elsewhere, take_over
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.sight import Sight

SHA1, SHA256, ABSENT = "1" * 40, "2" * 64, "3" * 64


@pytest.fixture
def kin(folder: CacheFolder) -> CacheFolder:
    """Another repository of the same cache, with two blobs."""
    found = CacheFolder(folder.root, RepoId(Kind.DATASET, "org/other"))
    prepare_folder(found)
    prepare_folder(folder)
    found.blob(SHA1).write_bytes(b"small")
    found.blob(SHA256).write_bytes(b"large" * 500_000)
    return found


def strays(folder: CacheFolder) -> list[Path]:
    return [each for each in folder.own.rglob("*") if each.is_file()]


def test_blobs_of_other_repositories_are_found(folder: CacheFolder, kin: CacheFolder) -> None:
    """Whatever kind of repository they are in; what one has itself it need not be told."""
    folder.blob(ABSENT).write_bytes(b"its own")

    found = find_elsewhere(folder, [SHA1, SHA256, ABSENT])

    assert found == {SHA1: kin.blob(SHA1), SHA256: kin.blob(SHA256)}


def test_only_digests_tell_content(folder: CacheFolder, kin: CacheFolder) -> None:
    """Two servers that are no Hub may call different files the same."""
    kin.blob("5f3a-61c0").write_bytes(b"anything")

    assert find_elsewhere(folder, ["5f3a-61c0", "../x", ""]) == {}


def test_links_are_undone_inside_the_cache_and_refused_outside(
    folder: CacheFolder, kin: CacheFolder, tmp_path: Path
) -> None:
    """Newer clients share contents in the root; anything else may be anybody's file."""
    shared = folder.root / "blobs" / "payload"
    shared.parent.mkdir()
    shared.write_bytes(b"shared")
    (tmp_path / "outside").write_bytes(b"secret")
    kin.blob("4" * 64).symlink_to(shared)
    kin.blob("5" * 64).symlink_to(tmp_path / "outside")
    kin.blob("6" * 64).symlink_to("nowhere")
    kin.blob("7" * 64).mkdir()
    os.mkfifo(kin.blob("8" * 64))

    found = find_elsewhere(folder, [each * 64 for each in "45678"])

    assert found == {"4" * 64: shared}


def test_what_is_no_repository_is_passed_over(folder: CacheFolder, kin: CacheFolder) -> None:
    """Any directory may lie in a cache, and any file."""
    strange = folder.root / "backup" / "blobs"
    strange.mkdir(parents=True)
    (strange / ABSENT).write_bytes(b"?")
    (folder.root / "models--a--file").touch()

    assert find_elsewhere(folder, [ABSENT, SHA1]).keys() == {SHA1}


def test_cache_that_is_not_there_has_nothing(folder: CacheFolder) -> None:
    """The first call of all finds no root."""
    assert find_elsewhere(folder, [SHA1]) == {}


@pytest.mark.parametrize("etag", [SHA1, SHA256])
def test_blob_gets_a_second_place(folder: CacheFolder, kin: CacheFolder, etag: str) -> None:
    """Whole, with the first as it was, and nothing left beside it."""
    before = kin.blob(etag).read_bytes()

    take_over(kin.blob(etag), folder.blob(etag), Sight.of(kin.blob(etag).stat()))

    assert folder.blob(etag).read_bytes() == before == kin.blob(etag).read_bytes()
    assert strays(folder) == []


def test_own_file_costs_no_room(folder: CacheFolder, kin: CacheFolder) -> None:
    """One file with two names, or two that share their blocks."""
    take_over(kin.blob(SHA256), folder.blob(SHA256))

    shares = kin.blob(SHA256).samefile(folder.blob(SHA256))
    assert shares or has_reflinks(folder.root)


@pytest.mark.parametrize("mode", [0o444, 0o400])
def test_file_that_is_not_ours_to_change_is_copied(folder: CacheFolder, kin: CacheFolder, mode: int) -> None:
    """Contents that newer clients share are read-only, and counted: a further name would be one too many."""
    kin.blob(SHA1).chmod(mode)
    before = os.umask(0o022)
    try:
        take_over(kin.blob(SHA1), folder.blob(SHA1))
    finally:
        os.umask(before)

    assert folder.blob(SHA1).read_bytes() == b"small"
    assert kin.blob(SHA1).stat().st_nlink == 1
    assert folder.blob(SHA1).stat().st_mode & 0o777 == 0o644


def test_file_behind_a_link_is_copied(folder: CacheFolder, kin: CacheFolder) -> None:
    """A link may be led elsewhere later; its file belongs to others."""
    kin.blob(ABSENT).symlink_to(SHA1)

    take_over(kin.blob(ABSENT), folder.blob(ABSENT))

    assert folder.blob(ABSENT).read_bytes() == b"small"
    assert not folder.blob(ABSENT).is_symlink()
    assert kin.blob(SHA1).stat().st_nlink == 1


@pytest.mark.parametrize("mode", [0o644, 0o444], ids=["linked", "copied"])
def test_file_that_was_changed_since_it_was_verified_is_refused(
    folder: CacheFolder, kin: CacheFolder, mode: int
) -> None:
    """What was looked at is what is taken."""
    seen = Sight.of(kin.blob(SHA1).stat())
    kin.blob(SHA1).write_bytes(b"other")
    kin.blob(SHA1).chmod(mode)

    with pytest.raises(StoreError, match="somebody"):
        take_over(kin.blob(SHA1), folder.blob(SHA1), seen)

    assert not folder.blob(SHA1).exists()
    assert strays(folder) == []


def test_further_name_of_the_file_is_no_change(folder: CacheFolder, kin: CacheFolder) -> None:
    """Another of us may take it over at the same time, which shows in its times."""
    if has_reflinks(folder.root):
        pytest.skip("here files share their blocks, and get no further names")
    seen = Sight.of(kin.blob(SHA1).stat())
    third = CacheFolder(folder.root, RepoId.parse("org/third"))
    prepare_folder(third)
    os.link(kin.blob(SHA1), third.blob(SHA1))

    take_over(kin.blob(SHA1), folder.blob(SHA1), replace(seen, ctime_ns=seen.ctime_ns - 1))

    assert folder.blob(SHA1).read_bytes() == b"small"


def test_what_can_t_be_taken_over_is_a_typed_error(folder: CacheFolder, kin: CacheFolder) -> None:
    """Another client may have removed it meanwhile; then it is fetched."""
    with pytest.raises(StoreError, match=ABSENT):
        take_over(kin.blob(ABSENT), folder.blob(ABSENT))

    assert strays(folder) == []


def test_blob_that_is_there_already_is_replaced(folder: CacheFolder, kin: CacheFolder) -> None:
    """It was found to be wrong, or nobody would ask."""
    folder.blob(SHA1).write_bytes(b"damaged")

    take_over(kin.blob(SHA1), folder.blob(SHA1))
    take_over(kin.blob(SHA1), folder.blob(SHA1))

    assert folder.blob(SHA1).read_bytes() == b"small"
    assert strays(folder) == []


def has_reflinks(directory: Path) -> bool:
    """Tell whether files there can share their blocks, as ``cp`` sees it."""
    (directory / "probe").write_bytes(b"x")
    return os.system(f"cp --reflink=always {directory}/probe {directory}/probe2 2>/dev/null") == 0
