"""JSON of the Hub: revisions, listings; and listings as they are kept."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fuzz.places import lasting
from tests.fuzz.shapes import json_like
from tests.fuzz.target import Target
from tests.fuzz.verdicts import is_inside, refusing
from weighbridge.core.repos import RepoFile, is_commit
from weighbridge.hub.listings import build_tree, parse_commit, parse_tree_page
from weighbridge.store.cache.layout import tree_file
from weighbridge.store.cache.trees import read_tree, write_tree

COMMIT, BLOB, SHA256 = "c" * 40, "b" * 40, "5" * 64
LARGE = {"oid": SHA256, "size": 3000000, "pointerSize": 132}
PAGE = [
    {"type": "directory", "oid": BLOB, "size": 0, "path": "onnx"},
    {"type": "file", "oid": BLOB, "size": 23, "path": "config.json"},
    {"type": "file", "oid": BLOB, "size": 3000000, "path": "onnx/model.onnx", "lfs": LARGE, "xetHash": "7" * 64},
]
INFO = {"id": "org/name", "sha": COMMIT, "private": False, "siblings": [{"rfilename": "config.json"}]}
KEPT = {
    "format_version": 1,
    "files": {
        "config.json": {"size": 23, "blob_id": BLOB},
        "a/b.bin": {"size": 7, "blob_id": BLOB, "lfs_sha256": SHA256, "lfs_size": 7, "xet_hash": "7" * 64},
    },
}

_place = lasting()


def check_listing(data: bytes) -> None:
    """A listing is refused, or its files can lie in a folder, and it is read back as it was kept."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    with refusing():
        assert is_commit(parse_commit(value))
    with refusing():
        tree = build_tree(COMMIT, parse_tree_page(value))
        for file in tree.files:
            assert is_inside(file.path)
            assert file.size is not None
            assert file.size >= 0
        place = tree_file(_place, COMMIT)
        place.unlink(missing_ok=True)
        write_tree(place, tree)
        assert not place.exists() or [(each.path, each.etag) for each in read_back(place)] == [
            (each.path, each.etag) for each in tree.files
        ]


def check_kept(data: bytes) -> None:
    """What another program has left is no listing, or one whose files can lie in a folder."""
    place = tree_file(_place, "d" * 40)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(data)
    tree = read_tree(place, "d" * 40)
    for file in () if tree is None else tree.files:
        assert is_inside(file.path)
        assert file.etag
        assert file.size is not None
        assert 0 <= file.size < 1 << 63


def read_back(place: Path) -> tuple[RepoFile, ...]:
    """Return the files of a listing that was just kept."""
    tree = read_tree(place, COMMIT)
    assert tree is not None
    return tree.files


def _seeds(*documents: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(each).encode() for each in documents)


TARGETS = (
    Target(name="listings", check=check_listing, seeds=_seeds(PAGE, INFO), inputs=json_like(PAGE, INFO), examples=100),
    Target(name="listings-kept", check=check_kept, seeds=_seeds(KEPT), inputs=json_like(KEPT), examples=80),
)
