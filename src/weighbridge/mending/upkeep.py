"""Mends what is small in a repository's folder: refs, listings, markers, stray links, missing directories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.errors import CancelledError, InvalidParameterError, StoreError, WeighbridgeError
from weighbridge.core.findings import Finding, Left, Mended, Thing
from weighbridge.hub.resolver import Hub
from weighbridge.mending.cures import Cure, is_hopeless
from weighbridge.store.cache.audit.looking import look_at
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import taken_of
from weighbridge.store.cache.refs import read_ref, write_ref
from weighbridge.store.cache.root import prepare_folder, tag_directory
from weighbridge.store.cache.trees import read_tree, write_tree
from weighbridge.store.faults import storing


@dataclass(slots=True)
class Upkeep:
    """Mends what is small.

    Attributes:
        root: The cache.
        hub: Asked what a branch means, or what a commit holds; offline it answers nothing.
    """

    root: Path
    hub: Hub
    _is_cut_off: bool = False

    def mend(self, finding: Finding, cure: Cure) -> Mended | Left:
        """Do what is to be done about one finding.

        Raises:
            CancelledError: The call is to end.
        """
        try:
            how = self._do(finding, cure)
        except CancelledError:
            raise
        except WeighbridgeError as error:
            return Left(finding=finding, why=str(error), error=error)
        return how if isinstance(how, Left) else Mended(finding=finding, how=how)

    def _do(self, finding: Finding, cure: Cure) -> str | Left:
        if cure is Cure.TAG:
            return self._tag(finding)
        if finding.repo is None:
            raise StoreError(f"{finding.path} is in no repository's folder", path=str(finding.path))
        folder = CacheFolder(self.root, finding.repo)
        match cure:
            case Cure.FOLDER:
                prepare_folder(folder)
                how: str | Left = "made"
            case Cure.UNLINK:
                how = _unlink(finding)
            case Cure.LISTING:
                how = self._listing(folder, finding)
            case Cure.REF:
                how = self._ref(folder, finding)
            case _:
                how = _removed(finding.path)
        return how

    def _tag(self, finding: Finding) -> str:
        tag_directory(self.root)
        with storing(finding.path, "write"):
            finding.path.lstat()
        return "written"

    def _listing(self, folder: CacheFolder, finding: Finding) -> str:
        """Have a listing again, or none; nobody can use what is there."""
        commit = finding.path.stem
        if not self._is_cut_off:
            with self._asking():
                tree = self.hub.tree_of(folder.repo, commit)
                _removed(finding.path)
                write_tree(finding.path, tree)
        if read_tree(finding.path, commit) is not None:
            return "fetched again"
        return _removed(finding.path)

    def _ref(self, folder: CacheFolder, finding: Finding) -> str | Left:
        """Let a ref say what it means, if that is here, or go."""
        if _is_busy(folder):  # whoever it is may have written the ref and be about to fetch what it means
            return Left(finding=finding, why="somebody is fetching files of the repository; run this again later")
        name = finding.path.relative_to(folder.refs).as_posix()
        with suppress(InvalidParameterError, StoreError):
            commit = read_ref(folder, name)
            if commit is None and finding.path.is_file() and not self._is_cut_off:
                with self._asking():
                    commit = self.hub.commit_of(folder.repo, name)
            if commit is not None and folder.snapshot(commit).is_dir():
                write_ref(folder, name, commit)
                return "written anew"
        return _removed(finding.path)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Pass over what the Hub or the disk refuses; a Hub that can't be reached is not asked again."""
        try:
            yield
        except CancelledError:
            raise
        except WeighbridgeError as error:
            self._is_cut_off = is_hopeless(error)


def _unlink(finding: Finding) -> str | Left:
    """Remove a link of a snapshot; what is no link may be somebody's."""
    if finding.thing is Thing.FILE and not finding.path.is_symlink():
        return Left(finding=finding, why="a plain file, which may be somebody's; look at it, and remove it")
    return _removed(finding.path)


def _is_busy(folder: CacheFolder) -> bool:
    """Tell whether somebody is fetching files of a repository."""
    return bool(taken_of(folder)) or any(each.is_held for each in look_at(folder).rests)


def _removed(path: Path) -> str:
    """Remove a file or a link, and return how to say so."""
    with storing(path, "remove"):
        path.unlink(missing_ok=True)
    return "removed"
