"""Listings of commits: to the byte what newer clients write, and believed only if all of it can be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidParameterError, StoreError
from weighbridge.core.repos import RepoFile, Tree, repo_path
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.trees import read_tree, write_tree

COMMIT, SHA1, SHA256, XET = "a" * 40, "1" * 40, "2" * 64, "3" * 64
TREE = Tree(
    COMMIT,
    (
        RepoFile(path="config.json", size=23, blob_id=SHA1),
        RepoFile(path="model.safetensors", size=3_000_000, blob_id=SHA1, sha256=SHA256, xet_hash=XET),
        RepoFile(path="odd/caf\u00e9 \u65e5.txt", size=0, blob_id=SHA1),
    ),
)
ON_DISK = rb"""{
 "format_version": 1,
 "files": {
  "config.json": {
   "size": 23,
   "blob_id": "1111111111111111111111111111111111111111"
  },
  "model.safetensors": {
   "size": 3000000,
   "blob_id": "1111111111111111111111111111111111111111",
   "lfs_sha256": "2222222222222222222222222222222222222222222222222222222222222222",
   "lfs_size": 3000000,
   "xet_hash": "3333333333333333333333333333333333333333333333333333333333333333"
  },
  "odd/caf\u00e9 \u65e5.txt": {
   "size": 0,
   "blob_id": "1111111111111111111111111111111111111111"
  }
 }
}"""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just(SHA1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
entries = st.fixed_dictionaries(
    {"size": st.just(1) | json_values, "blob_id": st.just(SHA1) | json_values},
    optional={"lfs_sha256": st.just(SHA256) | json_values, "lfs_size": json_values, "xet_hash": json_values},
)
paths = st.lists(st.sampled_from(["a", "..", "", "/", "\\", ".wb-claim", "b.json", "C:", "\0"]), max_size=4).map(
    "/".join
)


def put(folder: CacheFolder, content: bytes | str | dict[str, Any]) -> None:
    """Keep a listing as somebody else might."""
    place = folder.tree(COMMIT)
    place.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content) if isinstance(content, dict) else content
    place.write_bytes(text if isinstance(text, bytes) else text.encode())


def listing(**entry: object) -> dict[str, Any]:
    """Return a listing of one file that is not quite what it should be."""
    return {"format_version": 1, "files": {"a": {"size": 1, "blob_id": SHA1} | entry}}


def test_listing_is_written_as_newer_clients_write_it(folder: CacheFolder) -> None:
    """They read ours instead of asking the Hub."""
    write_tree(folder.tree(COMMIT), TREE)

    assert folder.tree(COMMIT).read_bytes() == ON_DISK
    assert read_tree(folder.tree(COMMIT), COMMIT) == TREE


def test_order_of_files_is_that_of_their_paths(folder: CacheFolder) -> None:
    """Whoever compares two listings compares files."""
    write_tree(folder.tree(COMMIT), Tree(COMMIT, TREE.files[::-1]))

    assert folder.tree(COMMIT).read_bytes() == ON_DISK


def test_listing_can_be_read_by_all_who_may_read_the_cache(folder: CacheFolder) -> None:
    """That of other clients is their user's alone, so everybody else asks the Hub again."""
    before = os.umask(0o022)
    try:
        write_tree(folder.tree(COMMIT), TREE)
    finally:
        os.umask(before)

    assert folder.tree(COMMIT).stat().st_mode & 0o777 == 0o644


def test_listing_that_is_kept_is_not_written_again(folder: CacheFolder) -> None:
    """A warm cache can be read-only."""
    write_tree(folder.tree(COMMIT), TREE)
    before = folder.tree(COMMIT).stat()

    write_tree(folder.tree(COMMIT), TREE)

    assert folder.tree(COMMIT).stat() == before
    assert [each for each in folder.own.rglob("*") if each.is_file()] == []


@pytest.mark.parametrize(
    "file",
    [
        RepoFile(path="a", size=None, blob_id=SHA1),
        RepoFile(path="a", size=1, blob_id=""),
        RepoFile(path="a", size=1, blob_id="etag-of-no-hub"),
    ],
)
def test_listing_with_a_gap_is_not_kept(folder: CacheFolder, file: RepoFile) -> None:
    """Other clients would fail on it, or believe that they have all."""
    write_tree(folder.tree(COMMIT), Tree(COMMIT, (*TREE.files, file)))

    assert not folder.path.exists()


def test_strange_hash_is_left_out(folder: CacheFolder) -> None:
    """Nobody but its own client needs it, and that one would throw the whole listing away."""
    write_tree(folder.tree(COMMIT), Tree(COMMIT, (RepoFile(path="a", size=1, blob_id=SHA1, xet_hash="../x"),)))

    assert b"xet_hash" not in folder.tree(COMMIT).read_bytes()


def test_disk_that_says_no_is_a_typed_error(tmp_path: Path) -> None:
    """The caller decides whether it matters."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreError):
        write_tree(tmp_path / "file" / "trees" / f"{COMMIT}.json", TREE)


def test_listing_that_has_changed_is_read_anew(folder: CacheFolder) -> None:
    """Parsing is remembered, but not what somebody else has replaced."""
    write_tree(folder.tree(COMMIT), TREE)
    before = read_tree(folder.tree(COMMIT), COMMIT)

    write_tree(folder.tree(COMMIT), Tree(COMMIT, TREE.files[:1]))

    assert before == TREE
    assert read_tree(folder.tree(COMMIT), COMMIT) == Tree(COMMIT, TREE.files[:1])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        ON_DISK[:-1],
        b"[" * 100_000,
        b"\xff",
        b"[]",
        b"null",
        {"format_version": 2, "files": {}},
        {"format_version": 1},
        {"files": {}},
        {"format_version": 1, "files": []},
        {"format_version": 1, "files": {"../a": {"size": 1, "blob_id": SHA1}}},
        {"format_version": 1, "files": {"a/" * 256 + "a": {"size": 1, "blob_id": SHA1}}},
        {"format_version": 1, "files": {"/etc/passwd": {"size": 1, "blob_id": SHA1}}},
        {"format_version": 1, "files": {"a.wb-partial/data": {"size": 1, "blob_id": SHA1}}},
        {"format_version": 1, "files": {"a\ud800": {"size": 1, "blob_id": SHA1}}},
        listing(size=-1),
        listing(size="1"),
        listing(size=True),
        listing(size=None),
        listing(size=1 << 63),
        listing(blob_id="../../x"),
        listing(blob_id=f"{SHA1}\n"),
        listing(blob_id=None),
        listing(lfs_sha256="../../x"),
        listing(lfs_sha256=SHA256, lfs_size=2),
        listing(xet_hash="../../x"),
        listing(xet_hash=[]),
    ],
)
def test_listing_that_can_t_be_believed_is_none(folder: CacheFolder, content: bytes | dict[str, Any]) -> None:
    """Half of it, a later format, or a hostile one: asked for again."""
    put(folder, content)

    assert read_tree(folder.tree(COMMIT), COMMIT) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example writes the listing anew
@given(files=st.dictionaries(paths, entries, max_size=3))
def test_what_is_believed_is_safe(folder: CacheFolder, files: dict[str, Any]) -> None:
    """Its paths become files, and its digests names of blobs."""
    put(folder, {"format_version": 1, "files": files})

    found = read_tree(folder.tree(COMMIT), COMMIT)

    assert found is None or [repo_path(each.path).text for each in found.files] == sorted(files)
    assert found is None or all(folder.blob(each.etag) for each in found.files)
    assert found is not None or any(map(is_doubtful, files.items()))


def is_doubtful(item: tuple[str, Any]) -> bool:
    """Tell whether anything about a file of a listing can't be; told in another way than in the code."""
    path, entry = item
    try:
        repo_path(path)
    except InvalidParameterError:
        return True
    plain = {key: value for key, value in entry.items() if value is not None}
    return plain not in (
        {"size": 1, "blob_id": SHA1},
        {"size": 1, "blob_id": SHA1, "lfs_sha256": SHA256},
        {"size": 1, "blob_id": SHA1, "lfs_sha256": SHA256, "lfs_size": 1},
    ) or ("lfs_sha256" in plain and entry.get("lfs_size", 1) != 1)


def test_link_is_no_listing(folder: CacheFolder, tmp_path: Path) -> None:
    """It may lead to anything."""
    (tmp_path / "elsewhere").write_bytes(ON_DISK)
    folder.tree(COMMIT).parent.mkdir(parents=True)
    folder.tree(COMMIT).symlink_to(tmp_path / "elsewhere")

    assert read_tree(folder.tree(COMMIT), COMMIT) is None
