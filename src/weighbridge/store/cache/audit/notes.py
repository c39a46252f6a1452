"""Which refs, listings and markers of a repository say what can't be true; pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.core.repos import is_commit
from weighbridge.store.cache.audit.views import Marker, Ref, Repository, State, Way

_LISTINGS = {
    State.DAMAGED: (Trouble.DAMAGED, "no listing that can be believed"),
    State.LATER: (Trouble.FOREIGN, "a listing of a later format, which is not read"),
    State.UNREADABLE: (Trouble.FOREIGN, "this user may not read it"),
}


def judge_refs(seen: Repository) -> Iterator[Finding]:
    """Yield a finding for each ref that other clients stumble over: most drop the whole repository then.

    Some write the ref before they fetch anything; while somebody is fetching, one that leads nowhere is no fault.
    """
    here = {each.commit for each in seen.snapshots}
    is_busy = any(each.is_held for each in seen.rests)
    for ref in seen.refs:
        found = _judge_ref(ref, here)
        if found is not None:
            trouble, detail = found
            is_fault = trouble is not Trouble.DANGLING or not is_busy
            yield Finding(
                trouble=trouble, thing=Thing.REF, path=ref.path, detail=detail, is_fault=is_fault, repo=seen.repo
            )


def judge_listings(seen: Repository) -> Iterator[Finding]:
    """Yield a finding for each kept listing that is of no use, or of nothing."""
    here = {each.commit for each in seen.snapshots}
    for listing in seen.listings.values():
        found = _LISTINGS.get(listing.state)
        if found is None and listing.commit not in here:
            found = Trouble.EXTRA, "a listing of a commit of which nothing is here"
        if found is not None:
            trouble, detail = found
            yield Finding(
                trouble=trouble,
                thing=Thing.LISTING,
                path=listing.path,
                detail=detail,
                is_fault=trouble is Trouble.DAMAGED,
                repo=seen.repo,
                commit=listing.commit,
            )


def judge_markers(seen: Repository) -> Iterator[Finding]:
    """Yield a finding for each marker that denies what there is, and one for those of each commit that is not here."""
    here = {each.commit: {name.path for name in each.names if name.way is not Way.NOWHERE} for each in seen.snapshots}
    for commit, markers in groupby(seen.markers, key=lambda each: each.commit):
        stale: list[Marker] = []
        for marker in markers:
            detail = _judge_marker(seen, marker, here.get(commit, set()))
            if detail is not None:
                yield Finding(
                    trouble=Trouble.DAMAGED,
                    thing=Thing.MARKER,
                    path=marker.path,
                    detail=detail,
                    repo=seen.repo,
                    commit=commit,
                    files=(marker.name,) if marker.name else (),
                    pointers=((commit, marker.name),) if marker.name else (),
                )
            elif commit not in here:
                stale.append(marker)
        if stale:
            yield Finding(
                trouble=Trouble.EXTRA,
                thing=Thing.MARKER,
                path=seen.folder.path / ".no_exist" / commit,
                detail="notes about a commit of which nothing is here",
                is_fault=False,
                repo=seen.repo,
                commit=commit,
            )


def _judge_ref(ref: Ref, here: set[str]) -> tuple[Trouble, str] | None:
    if ref.content is None:
        return Trouble.DAMAGED, "no plain file that can be read"
    text = ref.content.decode("utf-8", "replace")
    if not is_commit(text.strip()):
        return Trouble.DAMAGED, f"it holds no commit, but {text[:50]!r}"
    if text.strip() not in here:
        return Trouble.DANGLING, f"of {text.strip()} nothing is here, for which other clients drop the repository"
    if text != text.strip():
        return Trouble.DAMAGED, "there is white space around the commit, for which other clients drop the repository"
    return None


def _judge_marker(seen: Repository, marker: Marker, here: set[str]) -> str | None:
    """Return what is wrong with a marker; None if nothing is."""
    if not is_commit(marker.commit) or not marker.name or marker.size != 0:
        return "no marker that a client would have left"
    if marker.name in here:
        return "it says that the commit has no such file, and it is here"
    listed = seen.listed(marker.commit)
    if listed is not None and marker.name in listed:
        return "it says that the commit has no such file, and the commit has it"
    return None
