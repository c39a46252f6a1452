"""Which commits must stay: those that somebody has pinned by hand, and those of lock files that are still there.

Each pin is a file of its own, so that no two who pin at once stand in each other's way::

    <root>/.locks/.weighbridge/pins/<sha256 of who holds it>.json
        {"format": 1, "holder": "/project/weighbridge.lock", "commits": [["models--org--name", "<commit>"], …]}

One without a holder was made by hand and holds until it is taken back; ``*`` stands for all commits of a repository.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.repos import RepoId, is_commit
from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.staging import make_directories, read_whole, write_whole
from weighbridge.store.faults import storing

ALL = "*"
"""In the place of a commit: all of the repository, now and later."""

BY_HAND = "by hand"
"""Who holds a pin that no file holds."""

_FORMAT = 1
_LARGEST = 1 << 24


@dataclass(frozen=True, slots=True)
class Pin:
    """What one holder needs.

    Attributes:
        holder: The lock file; None: somebody has pinned it by hand.
        commits: Names of repositories' folders, each with a commit or :data:`ALL`.
    """

    holder: Path | None
    commits: frozenset[tuple[str, str]]

    @property
    def is_held(self) -> bool:
        """Whether it holds: its holder is there, as far as anybody can tell."""
        if self.holder is None:
            return True
        try:
            self.holder.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # another user's, whose files we may not see
        return True


def pin_for(root: Path, holder: Path, commits: Iterable[tuple[RepoId, str]]) -> None:
    """Pin what a lock file needs for as long as that file is there, instead of what it needed before.

    Args:
        root: The cache.
        holder: The lock file.
        commits: All that are to stay.

    Raises:
        StoreError: It can't be noted; what was noted before still is.
    """
    place = Path(os.path.abspath(holder))  # noqa: PTH100 - links are kept as they are
    _write(root, str(place), {(repo.folder, commit) for repo, commit in commits})


def pin(root: Path, repo: RepoId, commit: str = ALL) -> None:
    """Pin a commit, or all of a repository, by hand.

    Raises:
        StoreError: It can't be noted.
    """
    _write(root, None, {(repo.folder, commit)})


def unpin(root: Path, repo: RepoId, commit: str = ALL) -> bool:
    """Take back what :func:`pin` has done; tells whether there was such a pin.

    Raises:
        StoreError: It can't be removed.
    """
    place = _place(root, None, {(repo.folder, commit)})
    with storing(place, "remove"):
        try:
            place.unlink()
        except FileNotFoundError:
            return False
    return True


def pins_of(root: Path) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return who holds which commits, sorted, by the repository's folder and the commit or :data:`ALL`."""
    found: dict[tuple[str, str], set[str]] = {}
    for _, each in _read_all(root):
        if each.is_held:
            for key in each.commits:
                found.setdefault(key, set()).add(BY_HAND if each.holder is None else str(each.holder))
    return {key: tuple(sorted(holders)) for key, holders in found.items()}


def holders_of(pins: Mapping[tuple[str, str], tuple[str, ...]], folder: str, commit: str) -> tuple[str, ...]:
    """Return who of :func:`pins_of` holds a commit."""
    return tuple(sorted({*pins.get((folder, commit), ()), *pins.get((folder, ALL), ())}))


def stale_pins(root: Path) -> list[Path]:
    """Return the files of pins that hold nothing any more."""
    return [path for path, each in _read_all(root) if not each.is_held]


def _write(root: Path, holder: str | None, commits: set[tuple[str, str]]) -> None:
    place = _place(root, holder, commits)
    content = {"format": _FORMAT, "holder": holder, "commits": sorted(map(list, commits))}
    make_directories(root, place.parent)
    with storing(place, "write"):
        write_whole(root / ".locks", place, json.dumps(content, indent=1).encode("utf-8") + b"\n")


def _place(root: Path, holder: str | None, commits: set[tuple[str, str]]) -> Path:
    whose = holder if holder is not None else "".join(f"{folder}@{commit}" for folder, commit in commits)
    return _folder(root) / f"{hashlib.sha256(os.fsencode(whose)).hexdigest()}.json"


def _folder(root: Path) -> Path:
    return root / ".locks" / OWN / "pins"


def _read_all(root: Path) -> Iterator[tuple[Path, Pin]]:
    names: list[str] = []
    with suppress(OSError):
        names = sorted(os.listdir(_folder(root)))  # noqa: PTH208 - names are all that is needed
    for name in names:
        found = _parse(read_whole(_folder(root) / name, _LARGEST))
        if found is not None:
            yield _folder(root) / name, found


def _parse(content: bytes | None) -> Pin | None:
    """Read a pin; None if it is none, or one of a later format."""
    try:
        found = json.loads(content or b"")
        holder = found["holder"]
        commits = frozenset((folder, commit) for folder, commit in found["commits"])
        is_ours = found["format"] == _FORMAT and isinstance(holder, str | None)
        is_sound = all(RepoId.of_folder(folder) and (commit == ALL or is_commit(commit)) for folder, commit in commits)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Pin(None if holder is None else Path(holder), commits) if is_ours and is_sound else None
