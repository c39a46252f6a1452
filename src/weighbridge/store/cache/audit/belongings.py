"""What is in a repository's folder and belongs to nothing, and what is not done; pure."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.store.cache.audit.views import Name, Repository, Rest, Way

_HELD = "somebody is fetching it"
_LEFT = "a download was interrupted; the same download goes on from it, or does without it"


def judge_folder(seen: Repository) -> Iterator[Finding]:
    """Yield a finding if other clients take the folder for none of a repository."""
    if not seen.has_snapshots:
        yield Finding(
            trouble=Trouble.MISSING,
            thing=Thing.REPO,
            path=seen.folder.snapshots,
            detail="without this directory other clients take the folder for no repository",
            repo=seen.repo,
        )


def judge_blobs(seen: Repository) -> Iterator[Finding]:
    """Yield a finding for each blob that leads elsewhere, or to which nothing leads."""
    referred = {name.blob for snapshot in seen.snapshots for name in snapshot.names}
    for blob in seen.blobs.values():
        found = _judge_blob(blob, is_needed=blob.path in referred)
        if found is not None:
            trouble, detail = found
            yield Finding(
                trouble=trouble,
                thing=Thing.BLOB,
                path=blob.place,
                detail=detail,
                is_fault=trouble is Trouble.FOREIGN,
                repo=seen.repo,
                size=blob.found.st_size if blob.found is not None else None,
            )


def judge_strays(seen: Repository) -> Iterator[Finding]:
    """Yield a finding for everything that nobody knows."""
    for stray in seen.strays:
        yield Finding(
            trouble=Trouble.EXTRA,
            thing=Thing.ENTRY,
            path=stray.path,
            detail=stray.detail,
            is_fault=stray.is_fault,
            repo=seen.repo,
        )


def judge_rests(seen: Repository) -> Iterator[Finding]:
    """Yield a note for everything that downloads have left, or have so far."""
    for rest in seen.rests:
        yield unfinished(rest, seen)


def unfinished(rest: Rest, seen: Repository | None) -> Finding:
    """Return the note about what a download has left, or has so far."""
    return Finding(
        trouble=Trouble.UNFINISHED,
        thing=Thing.PARTIAL,
        path=rest.path,
        detail=rest.detail or (_HELD if rest.is_held else _LEFT),
        is_fault=False,
        repo=None if seen is None else seen.repo,
        size=rest.size,
    )


def _judge_blob(blob: Name, *, is_needed: bool) -> tuple[Trouble, str] | None:
    if blob.way is Way.OUTSIDE:
        return Trouble.FOREIGN, "a link that leads out of the repository"
    if not is_needed:
        return Trouble.EXTRA, "no file of a snapshot leads to it"
    return None
