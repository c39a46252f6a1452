"""How lock files and projects differ, in sentences; pure."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.core.locks import LockedDownload, LockedRepository, LockFile
from weighbridge.core.names import RelativeName
from weighbridge.core.projects import Project, Wish
from weighbridge.core.quantities import count, format_bytes

_SHORT = 7  # digits of a commit that are enough to tell it from others


def wish_of(locked: LockedRepository) -> Wish:
    """Return the wish that a repository was locked for."""
    return Wish(
        repo=locked.repo,
        revision=locked.revision,
        is_tag=locked.is_tag,
        include=locked.include,
        exclude=locked.exclude,
        directory=locked.directory,
    )


def find_outdated(project: Project, lock: LockFile) -> tuple[str, ...]:
    """Say where a lock file is not of what a project asks for now; nothing is said if it is."""
    asked, locked = set(project.wishes), {wish_of(each) for each in lock.repositories}
    before, now = {each.path: each for each in lock.downloads}, {each.path: each for each in project.downloads}
    return (
        *(_explain_new(each, locked) for each in project.wishes if each not in locked),
        *(
            f"{each} is locked, and no longer asked for"
            for each in map(wish_of, lock.repositories)
            if each not in asked and not _has_kin(each, asked)
        ),
        *_compare_downloads(before, now),
    )


def describe_changes(before: LockFile, now: LockFile) -> tuple[str, ...]:
    """Say what differs between two lock files."""
    old = {_place_of(each): each for each in before.repositories}
    new = {_place_of(each): each for each in now.repositories}
    return (
        *(_describe(old.get(place), each) for place, each in new.items() if old.get(place) != each),
        *(f"{wish_of(each)} is no longer locked" for place, each in old.items() if place not in new),
        *_compare_downloads(
            {each.path: each for each in before.downloads}, {each.path: each for each in now.downloads}
        ),
    )


def short(commit: str) -> str:
    """Return enough of a commit to know it again."""
    return commit[:_SHORT]


def _place_of(each: LockedRepository) -> object:
    return each.repo, each.revision, each.directory


def _has_kin(wish: Wish, others: set[Wish]) -> bool:
    """Tell whether another wish is of the same files but for their selection."""
    return any(
        (wish.repo, wish.revision, wish.directory) == (each.repo, each.revision, each.directory) for each in others
    )


def _explain_new(wish: Wish, locked: set[Wish]) -> str:
    if _has_kin(wish, locked):
        return f"{wish} is locked for another choice of files (include, exclude), or as a branch instead of a tag"
    return f"{wish} is not locked"


def _describe(old: LockedRepository | None, new: LockedRepository) -> str:
    size = sum(each.size for each in new.files)
    if old is None:
        return f"{wish_of(new)}: {short(new.commit)}, {count(len(new.files), 'file')}, {format_bytes(size)}"
    before = {each.path: each for each in old.files}
    now = {each.path: each for each in new.files}
    changed = [path for path in {**before, **now} if before.get(path) != now.get(path)]
    more = size - sum(each.size for each in old.files)
    moved = f"{short(old.commit)} -> {short(new.commit)}, " if old.commit != new.commit else ""
    what = f"{count(len(changed), 'file')} changed, {'+' if more >= 0 else ''}{format_bytes(more)}"
    return f"{wish_of(new)}: {moved}{what if changed else 'no file changed'}"


def _compare_downloads(
    before: dict[RelativeName, LockedDownload], now: dict[RelativeName, LockedDownload]
) -> Iterator[str]:
    for path, each in now.items():
        old = before.get(path)
        if old is None:
            yield f"the file {path} is new"
        elif old != each:
            yield f"the file {path} has another {_differing(old, each)}"
    yield from (f"the file {path} is no longer asked for" for path in before if path not in now)


def _differing(old: LockedDownload, new: LockedDownload) -> str:
    pairs = {
        "digest": old.digest == new.digest,
        "url": old.url == new.url,
        "choice of mirrors": old.mirrors == new.mirrors,
        "size": old.size == new.size,
    }
    return " and ".join(name for name, is_same in pairs.items() if not is_same)
