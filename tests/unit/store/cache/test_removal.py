"""Removing from a cache: all that belongs to a commit, nothing that another one needs, nothing outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.compat.huggingface_hub.scan import DeleteCacheStrategy, scan_cache_dir
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.removal import Removal, freed_size, remove
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.layout import Place

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def cache(folder: CacheFolder) -> CacheFolder:
    """A repository with two commits that have one blob in common, and with all that is noted of them."""
    prepare_folder(folder)
    for etag in ("old", "new", "both"):
        folder.blob(etag).write_bytes(etag.encode())
    for commit, etags in ((OLD, ("old", "both")), (NEW, ("new", "both"))):
        (folder.snapshot(commit) / "sub").mkdir(parents=True)
        for etag in etags:
            folder.pointer(commit, f"sub/{etag}").symlink_to(f"../../../blobs/{etag}")
        folder.absence(commit, "gone.txt").parent.mkdir(parents=True)
        folder.absence(commit, "gone.txt").touch()
        folder.tree(commit).parent.mkdir(exist_ok=True)
        folder.tree(commit).write_text("{}")
    folder.refs.mkdir()
    folder.ref("v1").write_text(OLD)
    folder.ref("main").write_text(NEW)
    return folder


def strategy(cache: CacheFolder, *commits: str) -> DeleteCacheStrategy:
    """Return the plan to remove commits."""
    return scan_cache_dir(cache.root).delete_revisions(*commits)


def left(folder: Path) -> set[str]:
    """Return the paths of all that is no directory."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file()}


def test_commit_goes_with_all_that_is_its_own(cache: CacheFolder) -> None:
    """What is noted of a commit that is gone would mislead whoever has it again."""
    before = left(cache.path)

    strategy(cache, OLD).execute()

    assert before - left(cache.path) == {
        "blobs/old",
        "refs/v1",
        f"snapshots/{OLD}/sub/old",
        f"snapshots/{OLD}/sub/both",
        f".no_exist/{OLD}/gone.txt",
        f"trees/{OLD}.json",
    }


def test_last_commit_takes_the_repository_along(cache: CacheFolder) -> None:
    """Nothing of it is of any use."""
    found = strategy(cache, OLD, NEW)

    found.execute()

    assert (found.repos, found.blobs, found.snapshots) == ({cache.path}, frozenset(), frozenset())
    assert sorted(each.name for each in cache.root.iterdir()) == ["CACHEDIR.TAG"]


def test_plan_changes_nothing(cache: CacheFolder) -> None:
    """People look at the size first."""
    before = left(cache.root)

    assert strategy(cache, OLD).expected_freed_size == len("old")
    assert left(cache.root) == before


def test_unknown_commit_is_only_told(cache: CacheFolder, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody else may have removed it already."""
    found = strategy(cache, "c" * 40)

    assert (found.expected_freed_size, found.snapshots) == (0, frozenset())
    assert "c" * 40 in caplog.text


def test_open_file_can_be_read_on(cache: CacheFolder) -> None:
    """A model is being loaded while somebody makes room."""
    with cache.pointer(OLD, "sub/old").open("rb") as file:
        strategy(cache, OLD).execute()

        assert file.read() == b"old"


def test_partials_of_a_blob_go_with_it_and_others_stay(cache: CacheFolder) -> None:
    """They would lie there for ever; another file's are on their way."""
    partials = [Place(cache.blob(etag)).new_partial() for etag in ("old", "new")]
    for each in partials:
        each.mkdir()
        (each / "journal").write_bytes(b"damaged")

    strategy(cache, OLD).execute()

    assert [each.exists() for each in partials] == [False, True]


def test_blob_that_came_to_be_needed_stays(cache: CacheFolder) -> None:
    """A download may have linked it since the plan was made."""
    found = strategy(cache, OLD)
    cache.pointer(NEW, "sub/later").symlink_to("../../../blobs/old")

    found.execute()

    assert cache.pointer(NEW, "sub/later").read_bytes() == b"old"


def test_what_is_gone_already_is_told_and_the_rest_goes(cache: CacheFolder, caplog: pytest.LogCaptureFixture) -> None:
    """Two may clean at once."""
    found = strategy(cache, OLD)
    cache.blob("old").unlink()
    cache.ref("v1").unlink()

    found.execute()

    assert not cache.snapshot(OLD).exists()
    assert [each.levelname for each in caplog.records] == ["WARNING", "WARNING"]
    assert str(cache.ref("v1")) in caplog.text


def test_snapshot_stays_whose_ref_can_t_be_removed(cache: CacheFolder, tmp_path: Path) -> None:
    """A ref to nothing makes other clients drop the whole repository."""
    found = strategy(cache, OLD)
    cache.refs.rename(tmp_path / "refs")
    cache.refs.symlink_to(tmp_path / "refs")

    found.execute()

    assert cache.ref("v1").read_text() == OLD
    assert cache.pointer(OLD, "sub/old").read_bytes() == b"old"


def test_link_out_of_the_cache_is_not_followed(cache: CacheFolder, tmp_path: Path) -> None:
    """A hostile repository could have any file of the user removed."""
    outside = tmp_path / "outside"
    (outside / "blobs").mkdir(parents=True)
    (outside / "blobs" / "precious").write_bytes(b"precious")
    cache.pointer(OLD, "sub/file").symlink_to(outside / "blobs" / "precious")
    (cache.snapshot(OLD) / "folder").symlink_to(outside)

    found = strategy(cache, OLD)
    found.execute()

    assert not cache.snapshot(OLD).exists()
    assert outside / "blobs" / "precious" not in found.blobs
    assert (outside / "blobs" / "precious").read_bytes() == b"precious"


def test_repository_that_is_a_link_goes_as_a_link(cache: CacheFolder, tmp_path: Path) -> None:
    """Somebody keeps it on another disk."""
    cache.path.rename(tmp_path / "elsewhere")
    cache.path.symlink_to(tmp_path / "elsewhere")
    before = left(tmp_path / "elsewhere")

    strategy(cache, OLD, NEW).execute()

    assert not cache.path.is_symlink()
    assert left(tmp_path / "elsewhere") == before


def test_part_of_a_repository_that_is_a_link_stays(cache: CacheFolder, tmp_path: Path) -> None:
    """Its files lie outside of the cache."""
    cache.path.rename(tmp_path / "elsewhere")
    cache.path.symlink_to(tmp_path / "elsewhere")
    before = left(tmp_path / "elsewhere")

    strategy(cache, OLD).execute()

    assert left(tmp_path / "elsewhere") == before


@pytest.mark.parametrize("name", ["..", "../outside", "models--org--name/../../outside"])
def test_paths_outside_are_refused(cache: CacheFolder, tmp_path: Path, name: str) -> None:
    """A plan can be made by hand, or come from another process."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").touch()
    told: list[str] = []

    remove(Removal(root=cache.root, repos=frozenset({cache.root / name, cache.root})), told.append)

    assert len(told) == 2
    assert (tmp_path / "outside" / "precious").exists()
    assert cache.pointer(OLD, "sub/old").is_file()


def test_plan_without_a_cache_is_refused() -> None:
    """Nobody could tell what lies outside of it."""
    empty: frozenset[Path] = frozenset()
    found = DeleteCacheStrategy(expected_freed_size=0, blobs=empty, refs=empty, repos=empty, snapshots=empty)

    with pytest.raises(InvalidParameterError):
        found.execute()


def test_blob_that_another_repository_has_as_well_frees_nothing(cache: CacheFolder) -> None:
    """Gigabytes would be promised that don't come free."""
    other = CacheFolder(cache.root, RepoId.parse("datasets/org/name"))
    prepare_folder(other)
    other.blob("old").hardlink_to(cache.blob("old"))

    sizes = [freed_size(cache.root, each) for each in ([cache.blob("old")], [cache.blob("old"), other.blob("old")])]

    assert sizes == [0, 3]


def test_single_file_goes_and_its_blob_only_if_nobody_else_has_it(cache: CacheFolder) -> None:
    """One quantization of many is not wanted any more."""
    info = scan_cache_dir(cache.root)
    files = [each for repo in info.repos for revision in repo.revisions for each in revision.files]
    gone = [each for each in files if each.file_path.parts[-3] == OLD]

    info.delete_files(*gone).execute()

    assert [path.exists() for path in (cache.blob("old"), cache.blob("both"), cache.ref("v1"))] == [False, True, True]
    assert left(cache.snapshot(OLD)) == set()
