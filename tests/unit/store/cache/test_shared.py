"""Contents that newer clients share between repositories: found, and removed only if nobody has them for certain."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from weighbridge.store.cache.shared import content_of, is_shared, references_to, release, shared_contents

NAME = "ab" + "c" * 62
BLOB = "models--org--name/blobs/etag"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cache with one shared content, which one repository has."""
    store = tmp_path / "blobs" / "ab"
    store.mkdir(parents=True)
    (tmp_path / "blobs" / ".huggingface-shared-blobs").write_text("1\n")
    (store / NAME).write_bytes(b"content")
    (store / f"{NAME}.refs").write_text(f"{BLOB}\n")
    (tmp_path / BLOB).parent.mkdir(parents=True)
    (tmp_path / BLOB).symlink_to(f"../../blobs/ab/{NAME}")
    return tmp_path


@pytest.fixture
def content(root: Path) -> Path:
    """The content."""
    return root / "blobs" / "ab" / NAME


def test_blob_leads_to_its_content(root: Path, content: Path) -> None:
    """Its size is counted, and freed, by the content."""
    assert (content_of(root, root / BLOB), shared_contents(root)) == (content, [content])
    assert references_to(root, content) == {root / BLOB}


def test_directory_without_the_mark_is_somebody_else_s(root: Path, content: Path) -> None:
    """Any program may call a directory ``blobs``."""
    (root / "blobs" / ".huggingface-shared-blobs").write_text("2\n")
    (root / BLOB).unlink()

    release(root, content)

    assert (is_shared(root), shared_contents(root), content_of(root, root / BLOB)) == (False, [], None)
    assert content.is_file()


def test_content_that_nobody_has_goes(root: Path, content: Path) -> None:
    """It would lie there for ever."""
    (root / BLOB).unlink()

    release(root, content)

    assert sorted(each.name for each in content.parent.iterdir()) == [f"{NAME}.lock"]


def test_content_that_somebody_has_stays(root: Path, content: Path) -> None:
    """A model would lose its weights as another one goes."""
    release(root, content)

    assert content.read_bytes() == b"content"


@pytest.mark.parametrize("listed", [None, b"\xff\xfe\n"])
def test_content_stays_if_nobody_can_tell_who_has_it(root: Path, content: Path, listed: bytes | None) -> None:
    """Room is cheaper than a file."""
    (root / BLOB).unlink()
    refs = content.with_name(f"{NAME}.refs")
    refs.unlink() if listed is None else refs.write_bytes(listed)

    release(root, content)

    assert content.is_file()


def test_content_that_is_being_given_to_somebody_stays(root: Path, content: Path) -> None:
    """Between the lock and the link, only the lock tells."""
    (root / BLOB).unlink()
    with content.with_name(f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        release(root, content)

    assert content.is_file()


@pytest.mark.parametrize("line", ["../outside/blobs/x", "/etc/passwd", "models--a/../../x/blobs/y", "notes"])
def test_lines_that_lead_elsewhere_are_void(root: Path, content: Path, line: str) -> None:
    """The list can be written by every user of the cache."""
    content.with_name(f"{NAME}.refs").write_text(f"{line}\n")

    assert references_to(root, content) == frozenset()


def test_link_to_anything_else_is_no_shared_content(root: Path, tmp_path: Path) -> None:
    """What somebody has linked by hand is theirs."""
    (tmp_path / "mine").write_bytes(b"mine")
    (root / BLOB).unlink()
    (root / BLOB).symlink_to(tmp_path / "mine")

    assert content_of(root, root / BLOB) is None


def test_lock_that_is_a_link_is_not_followed(root: Path, content: Path, tmp_path: Path) -> None:
    """Making it would make a file anywhere."""
    (root / BLOB).unlink()
    content.with_name(f"{NAME}.lock").symlink_to(tmp_path / "made")

    release(root, content)

    assert content.is_file()
    assert not (tmp_path / "made").exists()
