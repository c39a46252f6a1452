"""The walk from files of a commit to a shelf that holds them: look, plan, bring what is near, fetch what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.errors import DiskFullError, StoreError
from weighbridge.core.events import FileFinished, Notice, Planned
from weighbridge.core.names import RelativeName, find_collision
from weighbridge.core.repos import RepoFile
from weighbridge.core.snapshots import Kept, Plan, PlannedFile
from weighbridge.delivery import Delivery, Means
from weighbridge.errands import Missing
from weighbridge.shelves.shelf import Shelf, Survey
from weighbridge.store.faults import free_bytes
from weighbridge.store.inspection import are_right
from weighbridge.store.leftovers import count_held
from weighbridge.store.present import ignores_case

FindSource = Callable[[RepoFile], Source]


@dataclass(frozen=True, slots=True)
class Reader:
    """Judges files by reading them.

    Attributes:
        means: Whose receipts are told, and whose ``cancel`` ends the reading.
    """

    means: Means

    def __call__(self, doubtful: Sequence[tuple[Path, RepoFile]], /) -> list[bool]:
        """Return whether each file is what it must be."""
        if not doubtful:
            return []
        wanted = [(path, file.promise) for path, file in doubtful]
        return are_right(wanted, self.means.receipts, self.means.cancel)


def believe(doubtful: Sequence[tuple[Path, RepoFile]], /) -> list[bool]:
    """Judge files by their sizes, which were looked at already: for a plan, which costs no reading."""
    return [True] * len(doubtful)


def plan(shelf: Shelf, commit: str, files: Sequence[RepoFile]) -> Plan:
    """Return what :func:`fill` would do; does nothing."""
    return _plan(shelf, commit, files, shelf.survey(files, believe))


def plan_anew(shelf: Shelf, commit: str, files: Sequence[RepoFile]) -> Plan:
    """Return what :func:`fill_anew` would do; does nothing."""
    return _plan(shelf, commit, files, Survey(missing=list(files)))


def _plan(shelf: Shelf, commit: str, files: Sequence[RepoFile], survey: Survey) -> Plan:
    sizes = {each.file.path: each.size for each in survey.kept}
    near = {each.file.path for each in survey.near}
    planned = [
        PlannedFile(
            name=each.path,
            size=sizes.get(each.path, each.size),
            path=shelf.path_of(each),
            is_present=each.path in sizes,
            is_near=each.path in near,
        )
        for each in files
    ]
    return Plan(path=shelf.path, commit=commit, files=tuple(planned), free=free_bytes(shelf.path))


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of files.

    Attributes:
        kept: Those that were in place and right.
        changed: The others.
    """

    kept: tuple[Kept, ...]
    changed: tuple[FileResult, ...]


def fill(shelf: Shelf, files: Sequence[RepoFile], find_source: FindSource, means: Means) -> Filled:
    """Have every file on the shelf.

    Whoever calls this is at work in the repository meanwhile (see :func:`weighbridge.store.cache.uses.active`), so that
    nothing of it is removed.

    Args:
        shelf: Where.
        files: Which, each path once.
        find_source: Tells where to fetch a file that is missing; asked before anything is fetched.
        means: What the call works with.

    Raises:
        DiskFullError: What is missing can't fit; not a byte was asked for.
        StoreError: Two of the files would be one here.
    """
    return complete(shelf, files, look(shelf, files, means), find_source, means)


def fill_anew(shelf: Shelf, files: Sequence[RepoFile], find_source: FindSource, means: Means) -> Filled:
    """Fetch every file, whatever is on the shelf already; see :func:`fill`."""
    return complete(shelf, files, Survey(missing=list(files)), find_source, means)


def look(shelf: Shelf, files: Sequence[RepoFile], means: Means) -> Survey:
    """Return what is here of files, those read of which nothing is known; from now on they are in use."""
    shelf.use()
    return shelf.survey(files, Reader(means))


def complete(shelf: Shelf, files: Sequence[RepoFile], survey: Survey, find_source: FindSource, means: Means) -> Filled:
    """Do as :func:`fill`, of files that were looked at; see :func:`look`."""
    missing, near = list(survey.missing), list(survey.near)
    sources = {each.path: find_source(each) for each in missing}
    if missing or near:
        _check_names(files, shelf.own)
    free = free_bytes(shelf.path)
    means.tell(_planned(files, survey, free))
    errands = shelf.missing(_mixed(missing, means), sources) if missing else []
    shelf.confirm(survey.kept)
    changed: list[FileResult] = []
    spoilt: list[RepoFile] = []
    for each in near:
        means.check_cancelled()
        try:
            changed.append(shelf.bring(each, means.cancel))
        except StoreError:  # somebody has removed or changed it since, or may not share it: it can still be fetched
            spoilt.append(each.file)
        else:
            means.tell(FileFinished(result=changed[-1]))
    if spoilt:
        missing += spoilt
        sources |= {each.path: find_source(each) for each in spoilt}
        errands = shelf.missing(_mixed(missing, means), sources)
    if errands:
        shelf.use()  # what is in place may be all that is left of contents when others have left
        _have_room(shelf, missing, errands, means)
        changed += Delivery(_tuned(means, missing), shelf.settle).run(errands)
    shelf.finish()
    shelf.use()
    return Filled(tuple(survey.kept), tuple(changed))


def _mixed(files: Sequence[RepoFile], means: Means) -> list[RepoFile]:
    return mixed(files, means.options.transfer.first_piece)


def _tuned(means: Means, missing: Sequence[RepoFile]) -> Means:
    """Return the means with more connections if what is missing are many small files."""
    transfer = means.options.transfer
    at_once = min(len(missing), transfer.connections_for_small)
    if at_once <= transfer.connections or any((each.size or 0) > transfer.first_piece for each in missing):
        return means
    wide = replace(transfer, connections=at_once, files=max(transfer.files, at_once))
    return replace(means, options=replace(means.options, transfer=wide))


def mixed(files: Sequence[RepoFile], small: int) -> list[RepoFile]:
    """Return files in the order in which they are best served: the largest, all small ones, the other large ones.

    Small files cost a round trip each and hardly any bandwidth, so they ride along with the largest, whose connections
    leave some free; at the end, where latency would show, only large ones are left, which can be split.

    Args:
        files: Any number.
        small: Bytes up to which a file is small.
    """
    ranked = sorted(files, key=lambda each: -(each.size or 0))
    large = [each for each in ranked if (each.size or 0) > small]
    return [*large[:1], *ranked[len(large) :], *large[1:]]


def _planned(files: Sequence[RepoFile], survey: Survey, free: int | None) -> Planned:
    kept = sum(each.size for each in survey.kept)
    linked = sum(each.sight.size for each in survey.near)
    missing = [each.size for each in survey.missing]
    known = None if None in missing else sum(each or 0 for each in missing)
    return Planned(
        files=len(files),
        present=len(survey.kept),
        linked=len(survey.near),
        size=None if known is None else kept + linked + known,
        present_size=kept,
        linked_size=linked,
        free=free,
    )


def _check_names(files: Sequence[RepoFile], place: Path) -> None:
    """Refuse files of which two would be one on this machine."""
    names = [RelativeName(each.path) for each in files]
    clash = find_collision(names, ignore_case=False)
    if clash is None:
        same = find_collision(names, ignore_case=True)
        clash = same if same is not None and ignores_case(place) else None
    if clash is not None:
        raise StoreError(f"{clash[0]!r} and {clash[1]!r} can't both be on this machine; exclude one of them")


def _have_room(shelf: Shelf, missing: list[RepoFile], errands: Sequence[Missing], means: Means) -> None:
    """Make room where there is a limit, and refuse what can't fit; what earlier runs have left has its room already."""
    needed = shelf.count_needed(Survey(missing=missing)) - count_held([each.place for each in errands])
    for message in shelf.make_room(needed):
        means.tell(Notice(message=message))
    free = free_bytes(shelf.path)
    if free is not None and needed > free:
        where = errands[0].place.parent
        raise DiskFullError(
            f"{needed} bytes are to be fetched and {where} has room for {free}; make room, or choose another place",
            path=str(where),
            needed=needed,
            free=free,
        )
