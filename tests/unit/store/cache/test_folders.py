"""A directory of files: what is noted of each, and when the note is believed."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.core.errors import StoreError, UnsafePathError
from weighbridge.core.etags import is_blob_name
from weighbridge.core.repos import RepoFile, Tree, is_commit
from weighbridge.store.cache.folders import LocalFolder
from weighbridge.store.cache.trees import read_tree, write_tree

COMMIT, ETAG = "a" * 40, "1" * 40


@pytest.fixture
def local(tmp_path: Path) -> LocalFolder:
    return LocalFolder(tmp_path / "model")


def put(local: LocalFolder, path: str, content: bytes = b"x") -> Path:
    place = local.place(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def note_file(local: LocalFolder, path: str) -> Path:
    return local.root / ".cache" / "huggingface" / "download" / f"{path}.metadata"


@pytest.mark.parametrize("path", ["config.json", "onnx/model.onnx", "a b/c.d.e"])
def test_note_is_three_lines_where_newer_clients_look(local: LocalFolder, path: str) -> None:
    """They ask nobody about a file that is noted."""
    place = put(local, path)

    local.write_note(path, COMMIT, ETAG)

    note = local.note_of(path)
    assert note is not None
    assert (note.commit, note.etag) == (COMMIT, ETAG)
    assert note.at >= place.stat().st_mtime
    assert note_file(local, path).read_text() == f"{COMMIT}\n{ETAG}\n{note.at}\n"


def test_directory_of_notes_is_left_out_of_git_and_backups(local: LocalFolder) -> None:
    """It is nobody's work."""
    put(local, "config.json")
    local.write_note("config.json", COMMIT, ETAG)
    local.write_note("config.json", COMMIT, ETAG)

    kept = local.root / ".cache" / "huggingface"
    assert (kept / ".gitignore").read_bytes() == b"*"
    assert (kept / "CACHEDIR.TAG").stat().st_size == 191
    assert [each for each in (kept / ".weighbridge").rglob("*") if each.is_file()] == []


@pytest.mark.parametrize(("later_s", "is_believed"), [(-100, True), (0.9, True), (1.1, False)])
def test_note_holds_until_the_file_is_changed(local: LocalFolder, later_s: float, *, is_believed: bool) -> None:
    """A second is forgiven, as file systems keep times of different precision."""
    place = put(local, "config.json")
    note_file(local, "config.json").parent.mkdir(parents=True)
    note_file(local, "config.json").write_text(f"{COMMIT}\n{ETAG}\n1700000000.0\n")

    os.utime(place, (1_700_000_000 + later_s,) * 2)

    assert (local.note_of("config.json") is not None) == is_believed


def test_note_of_what_is_no_file_is_none(local: LocalFolder) -> None:
    """Neither of a file that is gone, nor of a directory or a link that took its place."""
    for path in ("gone", "directory", "link"):
        put(local, path)
        local.write_note(path, COMMIT, ETAG)
        local.place(path).unlink()
    local.place("directory").mkdir()
    local.place("link").symlink_to("/etc/passwd")

    assert [local.note_of(each) for each in ("gone", "directory", "link", "never")] == [None] * 4


lines = st.sampled_from([COMMIT, ETAG, "main", "../x", "", "1e400", "nan", "-inf", "9e9", "x", "\x00"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example writes the note anew
@given(content=st.binary(max_size=30) | st.lists(lines, max_size=4).map(lambda each: "\n".join(each).encode()))
def test_whatever_a_note_holds_it_is_safe(local: LocalFolder, content: bytes) -> None:
    """Its etag may become a name, and its commit a directory."""
    put(local, "config.json")
    note_file(local, "config.json").parent.mkdir(parents=True, exist_ok=True)
    note_file(local, "config.json").write_bytes(content)

    note = local.note_of("config.json")

    assert note is None or (is_commit(note.commit) and is_blob_name(note.etag) and math.isfinite(note.at))


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "..\\x"])
def test_path_that_leads_elsewhere_is_refused(local: LocalFolder, path: str) -> None:
    """Before anything is made."""
    for attempt in (local.place, local.note_of, lambda each: local.write_note(each, COMMIT, ETAG)):
        with pytest.raises(UnsafePathError):
            attempt(path)

    assert not local.root.exists()


@pytest.mark.parametrize(
    "path", [".cache/huggingface/download/config.json.metadata", ".Cache/HuggingFace/x", ".cache/huggingface"]
)
def test_repository_can_t_bring_its_own_notes(local: LocalFolder, path: str) -> None:
    """A note says that a file is right; a file of the repository must not become one."""
    with pytest.raises(UnsafePathError, match="notes"):
        local.place(path)


def test_other_hidden_files_are_files(local: LocalFolder) -> None:
    """Repositories have them."""
    assert local.place(".cache/x").relative_to(local.root) == Path(".cache/x")
    assert local.place(".gitattributes").parent == local.root


def test_file_that_the_cache_has_is_copied_in(local: LocalFolder, tmp_path: Path) -> None:
    """It is the user's own, whatever becomes of the cache."""
    blob = tmp_path / "blob"
    blob.write_bytes(b"content" * 1000)
    blob.chmod(0o444)
    put(local, "onnx/model.onnx", b"old")

    place = local.copy_in(blob, "onnx/model.onnx")
    place.write_bytes(b"edited")

    assert blob.read_bytes() == b"content" * 1000
    assert place == local.root / "onnx" / "model.onnx"


def test_link_on_the_way_is_refused(local: LocalFolder, tmp_path: Path) -> None:
    """Nothing is written where it leads."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "blob").write_bytes(b"x")
    local.root.mkdir()
    (local.root / "onnx").symlink_to(tmp_path / "outside")

    with pytest.raises(StoreError, match="symbolic link"):
        local.copy_in(tmp_path / "blob", "onnx/model.onnx")

    assert list((tmp_path / "outside").iterdir()) == []


def test_listing_is_kept_among_the_notes(local: LocalFolder) -> None:
    """Newer clients look for it there."""
    tree = Tree(COMMIT, (RepoFile(path="a", size=1, blob_id=ETAG),))

    write_tree(local.tree(COMMIT), tree)

    assert read_tree(local.tree(COMMIT), COMMIT) == tree
    assert local.tree(COMMIT).relative_to(local.root) == Path(".cache/huggingface/trees", f"{COMMIT}.json")
