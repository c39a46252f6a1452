"""The ids that git gives to blobs, trees and commits, and the pointer that stands for a large file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

_FILE_MODE, _TREE_MODE = b"100644", b"40000"
_NOBODY = b"weighbridge <> 0 +0000"  # the same for everybody, always: a commit tells of content alone


def object_id(kind: str, content: bytes) -> str:
    """Return git's SHA-1 of an object."""
    header = f"{kind} {len(content)}\0".encode("ascii")
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def pointer_text(sha256: str, size: int) -> bytes:
    """Return what git keeps in place of a large file (Git LFS specification, version 1)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode("ascii")


def commit_id(tree: str) -> str:
    """Return the id of the commit that holds ``tree``, has no parent, and was made by nobody at the epoch."""
    content = b"tree %s\nauthor %s\ncommitter %s\n\n" % (tree.encode("ascii"), _NOBODY, _NOBODY)
    return object_id("commit", content)


@dataclass(slots=True)
class _Tree:
    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, _Tree] = field(default_factory=dict)


def tree_ids(blobs: Mapping[str, str]) -> dict[str, str]:
    """Return the id of every folder's tree.

    Args:
        blobs: The id of each file's blob, by its path from the root, with ``/``.

    Returns:
        Ids by the folder's path; the root's is ``""``.
    """
    root = _Tree()
    for path, blob in blobs.items():
        *parents, name = path.split("/")
        node = root
        for parent in parents:
            node = node.folders.setdefault(parent, _Tree())
        node.files[name] = blob
    found: dict[str, str] = {}
    _identify(root, "", found)
    return found


def _identify(node: _Tree, path: str, found: dict[str, str]) -> str:
    inner = {
        name: _identify(folder, f"{path}/{name}" if path else name, found) for name, folder in node.folders.items()
    }
    entries = [(name.encode(), _FILE_MODE, blob) for name, blob in node.files.items()]
    entries += [(name.encode(), _TREE_MODE, tree) for name, tree in inner.items()]
    entries.sort(key=lambda each: each[0] + b"/" if each[1] is _TREE_MODE else each[0])  # git sorts folders so
    content = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(each)) for name, mode, each in entries)
    found[path] = object_id("tree", content)
    return found[path]
