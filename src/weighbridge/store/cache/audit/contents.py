"""Which contents of a repository can be told to be right, and what it means if one is not; pure."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.digests import Digest
from weighbridge.core.etags import digest_of
from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.core.pieces import PIECE
from weighbridge.core.ranges import ByteRange
from weighbridge.store.cache.audit.views import Repository, Way
from weighbridge.store.cache.layout import CacheFolder

_SHOWN = 19  # characters of a digest
_HERE = frozenset({Way.ITSELF, Way.INSIDE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes of which it is known what they must be.

    Attributes:
        folder: Of the repository.
        thing: A blob, or a plain file of a snapshot.
        path: Where it is; links to it are followed.
        digest: What it must have.
        found: What a stat told of it.
        pointers: Commit and path of each file of a snapshot that it is.
    """

    folder: CacheFolder
    thing: Thing
    path: Path
    digest: Digest
    found: os.stat_result
    pointers: tuple[tuple[str, str], ...] = ()


def contents_of(seen: Repository) -> Iterator[Content]:
    """Yield all blobs that are named by digests, and all plain files of snapshots whose digests a listing tells."""
    leading: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for snapshot in seen.snapshots:
        listed = seen.listed(snapshot.commit) or {}
        for name in snapshot.names:
            if name.blob is not None:
                leading[name.blob].append((snapshot.commit, name.path))
            digest = listed[name.path].digest if name.path in listed else None
            if name.way is Way.ITSELF and digest is not None and name.found is not None:
                yield Content(
                    folder=seen.folder,
                    thing=Thing.FILE,
                    path=name.place,
                    digest=digest,
                    found=name.found,
                    pointers=((snapshot.commit, name.path),),
                )
    for blob in seen.blobs.values():
        digest = digest_of(blob.path)
        if digest is not None and blob.way in _HERE and blob.found is not None:
            yield Content(
                folder=seen.folder,
                thing=Thing.BLOB,
                path=blob.place,
                digest=digest,
                found=blob.found,
                pointers=tuple(sorted(leading[blob.path])),
            )


def same_files(contents: Iterable[Content]) -> list[list[Content]]:
    """Return contents together that are one file and must have one digest, so that it is read once; largest first."""
    groups: dict[tuple[int, int, Digest], list[Content]] = defaultdict(list)
    for each in contents:
        groups[each.found.st_dev, each.found.st_ino, each.digest].append(each)
    return sorted(groups.values(), key=lambda group: -group[0].found.st_size)


def mismatch(content: Content, found: Digest) -> str:
    """Return a sentence about a content that has another digest than it must have."""
    whose = "its name says" if content.thing is Thing.BLOB else "its commit has"
    return f"its content is {str(found)[:_SHOWN]}…, not what {whose}"


def damage(content: Content, what: str, wrong: ByteRange | None) -> Finding:
    """Return the finding that a content is not what it must be.

    Args:
        content: Which.
        what: A sentence.
        wrong: The first piece that is wrong; None if nobody can tell.
    """
    detail = what
    if wrong is not None:
        pieces = -(-max(content.found.st_size, wrong.stop) // PIECE)
        detail += f"; damaged from piece {wrong.start // PIECE + 1} of {pieces} on, bytes {wrong.start} to {wrong.stop}"
    if content.thing is Thing.BLOB and not content.pointers:
        detail += "; no file of a snapshot leads to it"
    commits = {commit for commit, _ in content.pointers}
    return Finding(
        trouble=Trouble.DAMAGED,
        thing=content.thing,
        path=content.path,
        detail=detail,
        repo=content.folder.repo,
        commit=commits.pop() if len(commits) == 1 else None,
        files=tuple(sorted({path for _, path in content.pointers})),
        pointers=content.pointers,
        size=content.found.st_size,
        piece=wrong,
    )
