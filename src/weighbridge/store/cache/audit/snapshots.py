"""Which files of snapshots are not what the listings of their commits say, or lead where they should not; pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.core.repos import RepoFile
from weighbridge.store.cache.audit.views import Name, Repository, Snapshot, Way


def judge_names(seen: Repository) -> Iterator[Finding]:
    """Yield a finding for each file of a snapshot that is wrong, whatever its bytes are."""
    for snapshot in seen.snapshots:
        listed = seen.listed(snapshot.commit)
        for name in snapshot.names:
            file = None if listed is None else listed.get(name.path)
            found = _judge(name, file, is_listed=listed is not None)
            if found is not None:
                trouble, detail = found
                yield _finding(seen, snapshot, name, trouble, detail)
        for path in snapshot.odd:
            detail = "neither a file nor a link, so it is none of the commit's"
            yield Finding(
                trouble=Trouble.EXTRA,
                thing=Thing.FILE,
                path=path,
                detail=detail,
                repo=seen.repo,
                commit=snapshot.commit,
                files=(path.relative_to(snapshot.path).as_posix(),),
                pointers=((snapshot.commit, path.relative_to(snapshot.path).as_posix()),),
            )


def judge_lacks(seen: Repository) -> Iterator[Finding]:
    """Yield one note for each snapshot that lacks files: most likely they were not asked for."""
    for snapshot in seen.snapshots:
        lacking = _lacking(seen, snapshot)
        if lacking:
            known = len(seen.listed(snapshot.commit) or ())
            are, they = ("is", "it was") if len(lacking) == 1 else ("are", "they were")
            detail = (
                f"{len(lacking)} of the commit's {known} files {are} not here, which is fine if {they} not asked for"
            )
            yield Finding(
                trouble=Trouble.MISSING,
                thing=Thing.FILE,
                path=snapshot.path,
                detail=detail,
                is_fault=False,
                repo=seen.repo,
                commit=snapshot.commit,
                files=tuple(each.path for each in lacking),
                pointers=tuple((snapshot.commit, each.path) for each in lacking),
                size=sum(each.size or 0 for each in lacking),
            )


def demand_all(seen: Repository) -> Iterator[Finding]:
    """Yield a fault for each file that a snapshot lacks."""
    for snapshot in seen.snapshots:
        for file in _lacking(seen, snapshot):
            yield Finding(
                trouble=Trouble.MISSING,
                thing=Thing.FILE,
                path=snapshot.path / file.path,
                detail="the commit has it, and it is not here",
                repo=seen.repo,
                commit=snapshot.commit,
                files=(file.path,),
                pointers=((snapshot.commit, file.path),),
                size=file.size,
            )


def _lacking(seen: Repository, snapshot: Snapshot) -> list[RepoFile]:
    """Return the files that the listing of a snapshot has, and the snapshot has not."""
    listed = seen.listed(snapshot.commit) or {}
    here = {each.path for each in snapshot.names}
    return [each for path, each in sorted(listed.items()) if path not in here]


def _judge(name: Name, file: RepoFile | None, *, is_listed: bool) -> tuple[Trouble, str] | None:
    """Return what is wrong with a name, and a sentence about it; None if nothing is."""
    if is_listed and file is None:
        return Trouble.EXTRA, "the commit has no such file"
    match name.way:
        case Way.OUTSIDE:
            return Trouble.FOREIGN, "a link that leads out of the repository"
        case Way.ODD:
            return Trouble.EXTRA, "a link to what is no file"
        case Way.NOWHERE:
            what = "nothing" if name.blob is None else f"the content {name.blob}, which is not here"
            return Trouble.DANGLING, f"a link to {what}; other clients drop the repository"
        case _:
            return None if file is None or _is_its(name, file) else _astray(name, file)


def _is_its(name: Name, file: RepoFile) -> bool:
    """Tell whether a name leads where it should, as far as names tell."""
    return file.algorithm is None or name.blob in {None, file.etag}


def _astray(name: Name, file: RepoFile) -> tuple[Trouble, str]:
    return Trouble.DAMAGED, f"a link to the content {name.blob}, and the commit has {file.etag}"


def _finding(seen: Repository, snapshot: Snapshot, name: Name, trouble: Trouble, detail: str) -> Finding:
    return Finding(
        trouble=trouble,
        thing=Thing.FILE,
        path=Path(name.place),
        detail=detail,
        repo=seen.repo,
        commit=snapshot.commit,
        files=(name.path,),
        pointers=((snapshot.commit, name.path),),
        size=name.found.st_size if name.found is not None else None,
    )
