"""Which commit a branch meant: written in one step, read with patience, and never in another's way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidParameterError, StoreError, UnsafePathError
from weighbridge.core.repos import is_commit
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.refs import read_ref, write_ref

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(autouse=True)
def _snapshots(folder: CacheFolder) -> None:
    for commit in (OLD, NEW):
        folder.snapshot(commit).mkdir(parents=True)


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "feature/deep/er", "e4398398"])
def test_ref_is_read_as_it_was_written(folder: CacheFolder, revision: str) -> None:
    """The commit and nothing else: a newline would be a part of it to other clients."""
    write_ref(folder, revision, OLD)
    write_ref(folder, revision, NEW)

    assert read_ref(folder, revision) == NEW
    assert folder.ref(revision).read_bytes() == NEW.encode()


def test_nothing_but_refs_lies_among_refs(folder: CacheFolder) -> None:
    """A single stray makes newer clients drop the whole repository."""
    write_ref(folder, "main", OLD)
    write_ref(folder, "main", NEW)

    assert [each for each in folder.refs.rglob("*") if each != folder.ref("main")] == []
    assert [each for each in folder.own.rglob("*") if not each.is_dir()] == []


def test_ref_that_is_right_is_not_touched(folder: CacheFolder) -> None:
    """A warm cache can be read-only."""
    write_ref(folder, "main", NEW)
    before = folder.ref("main").stat()

    write_ref(folder, "main", NEW)

    assert folder.ref("main").stat() == before


def test_ref_that_only_we_can_read_is_mended(folder: CacheFolder) -> None:
    """Others don't strip the newline."""
    folder.refs.mkdir()
    folder.ref("main").write_text(f"{NEW}\n")

    write_ref(folder, "main", NEW)

    assert folder.ref("main").read_bytes() == NEW.encode()


def test_commit_is_no_ref(folder: CacheFolder) -> None:
    """It would say of itself that it is itself."""
    write_ref(folder, NEW, NEW)

    assert not folder.refs.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example writes the ref anew
@given(content=st.one_of(st.binary(max_size=60), st.text("0123456789abcdef", min_size=38, max_size=42).map(str.encode)))
def test_whatever_a_ref_holds_it_means_a_commit_or_nothing(folder: CacheFolder, content: bytes) -> None:
    """Older clients write in place: what is read may be empty, or a part."""
    folder.refs.mkdir(exist_ok=True)
    folder.ref("main").write_bytes(content)

    found = read_ref(folder, "main")

    assert found is None or (is_commit(found) and found.encode() == content.strip())


def test_link_and_pipe_and_directory_are_no_refs(folder: CacheFolder) -> None:
    """A pipe would keep us waiting, and a link may lead anywhere."""
    (folder.refs / "directory").mkdir(parents=True)
    (folder.refs / "link").symlink_to(folder.path / "elsewhere")
    (folder.path / "elsewhere").write_text(NEW)
    os.mkfifo(folder.refs / "pipe")

    found = [read_ref(folder, each) for each in ("directory", "link", "pipe", "absent", "directory/below")]

    assert found == [None] * 5


def test_ref_to_a_missing_snapshot_is_refused(folder: CacheFolder) -> None:
    """It would make newer clients drop the whole repository."""
    with pytest.raises(StoreError, match="there is no"):
        write_ref(folder, "main", "c" * 40)

    assert not folder.refs.exists()


@pytest.mark.parametrize(("there", "wanted"), [("feature", "feature/x"), ("feature/x", "feature"), ("a/b", "a/b/c/d")])
def test_ref_in_the_way_is_named(folder: CacheFolder, there: str, wanted: str) -> None:
    """One of two such branches was deleted at the Hub, and only the user can tell that it may go here."""
    write_ref(folder, there, OLD)

    with pytest.raises(StoreError, match=f"the ref '{there}' is in the way"):
        write_ref(folder, wanted, NEW)

    assert read_ref(folder, there) == OLD


def test_empty_directory_is_not_in_the_way(folder: CacheFolder) -> None:
    """Clients that remove a nested ref leave its directory."""
    (folder.refs / "feature").mkdir(parents=True)

    write_ref(folder, "feature", NEW)

    assert read_ref(folder, "feature") == NEW


def test_link_on_the_way_is_refused(folder: CacheFolder, tmp_path: Path) -> None:
    """Nothing is written where it leads."""
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.refs.mkdir()
    (folder.refs / "refs").symlink_to(outside)

    with pytest.raises(StoreError, match="symbolic link"):
        write_ref(folder, "refs/pr/1", NEW)

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("revision", ["../../outside", "/etc/passwd", "a/../../b", "..\\b"])
def test_revision_that_leads_elsewhere_is_refused(folder: CacheFolder, revision: str) -> None:
    """Before there is a path."""
    with pytest.raises(UnsafePathError):
        write_ref(folder, revision, NEW)
    with pytest.raises(InvalidParameterError):
        read_ref(folder, revision)
