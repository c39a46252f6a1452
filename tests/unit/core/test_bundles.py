"""What a bundle tells of itself is read back as it was written, and anything that can't be believed is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.bundles import BundleManifest, Member, PackedRepository, content_name
from weighbridge.core.digests import Digest
from weighbridge.core.errors import BundleError
from weighbridge.core.locks import LockedDownload
from weighbridge.core.names import RelativeName
from weighbridge.core.repos import RepoFile, RepoId

SHA256, GIT, COMMIT = "a" * 64, "b" * 40, "c" * 40
WEIGHTS = RepoFile(path="sub dir/caf\u00e9.bin", size=7, blob_id=GIT, sha256=SHA256, xet_hash="d" * 64)
CONFIG = RepoFile(path="config.json", size=2, blob_id=GIT)
NOTES = RepoFile(path="notes.md", size=9, blob_id="e" * 40)
DOWNLOAD = LockedDownload(
    path=RelativeName("tools/run.sh"), url="https://host/run.sh", digest=Digest("md5", "1" * 32), size=3
)
MEMBERS = (
    Member(f"contents/git-sha1-{GIT}", 2, "2" * 64),
    Member(f"contents/md5-{'1' * 32}", 3, "3" * 64),
    Member(f"contents/sha256-{SHA256}", 7, SHA256),
)
PACKED = PackedRepository(
    repo=RepoId.parse("datasets/org/name"),
    commit=COMMIT,
    refs=("main", "refs/pr/1"),
    files=(CONFIG, WEIGHTS),
    left_out=(NOTES,),
)
WHOLE = BundleManifest(repositories=(PACKED,), downloads=(DOWNLOAD,), members=MEMBERS)

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> bytes:
    """Return the text of a bundle in which one thing was changed."""
    found = json.loads(WHOLE.encode())
    change(found)
    return json.dumps(found).encode()


def test_what_was_written_is_read() -> None:
    """What was packed is what is taken in, down to names that are not ASCII."""
    read = BundleManifest.decode(WHOLE.encode(), "here")

    assert read == WHOLE


def test_listing_is_of_all_files_of_the_commit() -> None:
    """A part of a commit is never taken for the whole."""
    tree = PACKED.tree

    assert tree is not None
    assert [each.path for each in tree.files] == ["config.json", "notes.md", WEIGHTS.path]


def test_content_is_called_by_its_digest() -> None:
    """The names are a part of the format."""
    assert content_name(Digest("git-sha1", GIT)) == f"contents/git-sha1-{GIT}"


LIES: dict[str, Change] = {
    "a path that leads out": lambda found: found["repositories"][0]["files"][0].update(path="../x"),
    "an absolute path": lambda found: found["repositories"][0]["files"][0].update(path="/etc/passwd"),
    "a path of unfinished files": lambda found: found["repositories"][0]["files"][0].update(path="a.wb-partial"),
    "a path twice": lambda found: found["repositories"][0]["left_out"][0].update(path="config.json"),
    "a path left out that leads out": lambda found: found["repositories"][0]["left_out"][0].update(path="a/../../x"),
    "an id that leads out": lambda found: found["repositories"][0].update(id="../../name"),
    "a type that is none": lambda found: found["repositories"][0].update(type="models/../x"),
    "a commit that is none": lambda found: found["repositories"][0].update(commit="main"),
    "a commit that leads out": lambda found: found["repositories"][0].update(commit="../../../../x"),
    "a ref that leads out": lambda found: found["repositories"][0].update(refs=["../../x"]),
    "a repository twice": lambda found: found["repositories"].append(found["repositories"][0]),
    "a size that is not the content's": lambda found: found["repositories"][0]["files"][1].update(size=8),
    "a size below zero": lambda found: found["members"][0].update(size=-1),
    "a size beyond all disks": lambda found: found["members"][0].update(size=1 << 80),
    "a size that is no number": lambda found: found["members"][0].update(size=True),
    "a file without its content": lambda found: found["members"].pop(0),
    "a digest of a kind that no cache has": lambda found: found["repositories"][0]["files"][0].update(
        digest=f"md5:{'1' * 32}"
    ),
    "a member that leads out": lambda found: found["members"].append({"name": "../x", "size": 1, "sha256": SHA256}),
    "a member of no kind": lambda found: found["members"].append({"name": "a.py", "size": 1, "sha256": SHA256}),
    "a member twice": lambda found: found["members"].append(found["members"][0]),
    "two digests of one content": lambda found: found["members"][2].update(sha256="0" * 64),
    "a digest that is none": lambda found: found["members"][0].update(sha256="x"),
    "a plain file that leads out": lambda found: found["downloads"][0].update(path="../x"),
    "a plain file that is a device": lambda found: found["downloads"][0].update(path="NUL"),
    "no members": lambda found: found.pop("members"),
    "members that are none": lambda found: found.update(members=[None]),
    "repositories that are none": lambda found: found.update(repositories={"a": 1}),
    "a later format": lambda found: found.update(format=2),
}


@pytest.mark.parametrize("lie", LIES)
def test_bundle_that_lies_is_refused(lie: str) -> None:
    """Whoever carries a bundle may have changed it: nothing of it reaches a path or a loop unread."""
    content = changed(LIES[lie])

    with pytest.raises(BundleError, match="here"):
        BundleManifest.decode(content, "here")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"null", b"[" * 100_000, b'{"format": 1}', b"1" * 10_000])
def test_text_that_is_no_bundle_is_refused(content: bytes) -> None:
    """Neither depth nor length of it ends the program."""
    with pytest.raises(BundleError):
        BundleManifest.decode(content, "here")


@given(st.integers(0, len(WHOLE.encode()) - 1), st.integers(0, 255))
def test_changed_byte_is_refused_or_read(position: int, byte: int) -> None:
    """Damage of any kind ends in the one error that callers expect."""
    content = bytearray(WHOLE.encode())
    content[position] = byte

    try:
        read = BundleManifest.decode(bytes(content), "here")
    except BundleError:
        return
    assert {member.size >= 0 for member in read.members} <= {True}
