"""Ways to damage a cache that holds the victim whole, each with what a verification must find of it."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.hub.calls import COMMIT, EARLIER, GRAPH, KIB, NOTES, WEIGHTS, victim
from tests.support.hub_repos import Repo, blob_name
from weighbridge.core.findings import Finding

FOLDER = "models--acme--victim"
UNKNOWN = "0123456789" * 4
SIZE = 9 * 1024 * KIB
"""Bytes of the large file."""

Found = tuple[str, str, str]
"""Trouble, thing, and path below the cache."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cache that is to be damaged.

    Attributes:
        root: The cache.
        repo: What it holds.
    """

    root: Path
    repo: Repo

    @property
    def folder(self) -> Path:
        """Of the repository."""
        return self.root / FOLDER

    def name(self, path: str, commit: str = COMMIT) -> str:
        """Return what the blob of a file is called."""
        return blob_name(path, self.repo.commits[commit][path])

    def blob(self, path: str, commit: str = COMMIT) -> Path:
        """Return the blob of a file."""
        return self.folder / "blobs" / self.name(path, commit)

    def pointer(self, path: str, commit: str = COMMIT) -> Path:
        """Return the pointer to a file."""
        return self.folder / "snapshots" / commit / path


Damage = Callable[[Place], Sequence[Found]]


@functools.cache
def patient() -> Repo:
    """Return the repository to damage: one file of one commit has three pieces, all others are small."""
    repo = victim()
    weights = victim(SIZE).main[WEIGHTS]
    return replace(repo, commits={EARLIER: repo.commits[EARLIER], COMMIT: {**repo.main, WEIGHTS: weights}})


def flipped(place: Place) -> Sequence[Found]:
    return _broken(place, WEIGHTS, _flip)


def small_flipped(place: Place) -> Sequence[Found]:
    return _broken(place, NOTES, _flip)


def cut(place: Place) -> Sequence[Found]:
    return _broken(place, WEIGHTS, lambda path: os.truncate(path, path.stat().st_size - 1000))


def longer(place: Place) -> Sequence[Found]:
    return _broken(place, GRAPH, lambda path: path.write_bytes(path.read_bytes() + b"more"))


def blank(place: Place) -> Sequence[Found]:
    return _broken(place, WEIGHTS, _blank)


def lost(place: Place) -> Sequence[Found]:
    place.blob(WEIGHTS).unlink()
    return [("dangling", "file", f"{FOLDER}/snapshots/{COMMIT}/{WEIGHTS}")]


def shared_lost(place: Place) -> Sequence[Found]:
    """Both commits have it."""
    place.blob(NOTES).unlink()
    return [("dangling", "file", f"{FOLDER}/snapshots/{each}/{NOTES}") for each in (COMMIT, EARLIER)]


def astray(place: Place) -> Sequence[Found]:
    pointer = place.pointer("config.json")
    pointer.unlink()
    pointer.symlink_to(f"../../blobs/{place.name('config.json', EARLIER)}")
    note = [("extra", "blob", f"{FOLDER}/blobs/{place.name('config.json')}")]
    return [*note, ("damaged", "file", f"{FOLDER}/snapshots/{COMMIT}/config.json")]


def overwritten(place: Place) -> Sequence[Found]:
    pointer = place.pointer("vocab.txt", EARLIER)
    pointer.unlink()
    pointer.write_bytes(b"not the vocabulary")
    return [("damaged", "file", f"{FOLDER}/snapshots/{EARLIER}/vocab.txt")]


def ref_to_nothing(place: Place) -> Sequence[Found]:
    return _ref(place, "gone", UNKNOWN, "dangling")


def ref_of_nonsense(place: Place) -> Sequence[Found]:
    return _ref(place, "main.lock", "", "damaged")


def ref_with_newline(place: Place) -> Sequence[Found]:
    return _ref(place, "main", f"{COMMIT}\n", "damaged")


def ref_emptied(place: Place) -> Sequence[Found]:
    return _ref(place, "v1.0", "", "damaged")


def listing_torn(place: Place) -> Sequence[Found]:
    listing = place.folder / "trees" / f"{EARLIER}.json"
    listing.write_bytes(listing.read_bytes()[:100])
    return [("damaged", "listing", f"{FOLDER}/trees/{EARLIER}.json")]


def marker_denies(place: Place) -> Sequence[Found]:
    return _marker(place, f"{COMMIT}/config.json")


def marker_of_nonsense(place: Place) -> Sequence[Found]:
    return _marker(place, "nonsense")


def extra_link(place: Place) -> Sequence[Found]:
    place.pointer("more.txt").symlink_to(f"../../blobs/{place.name('empty.txt')}")
    return [("extra", "file", f"{FOLDER}/snapshots/{COMMIT}/more.txt")]


def folder_of_nothing(place: Place) -> Sequence[Found]:
    (place.root / "models--acme--bare").mkdir()
    return [("missing", "repository", "models--acme--bare/snapshots")]


def extra_file(place: Place) -> Sequence[Found]:
    place.pointer("mine.txt").write_bytes(b"mine")
    return [("extra", "file", f"{FOLDER}/snapshots/{COMMIT}/mine.txt")]


def file_among_commits(place: Place) -> Sequence[Found]:
    (place.folder / "snapshots" / "mine.txt").write_bytes(b"mine")
    return [("extra", "entry", f"{FOLDER}/snapshots/mine.txt")]


def link_out(place: Place) -> Sequence[Found]:
    (place.root.parent / "secret").write_bytes(b"a secret")
    place.pointer("config.json").unlink()
    place.pointer("config.json").symlink_to(place.root.parent / "secret")
    note = [("extra", "blob", f"{FOLDER}/blobs/{place.name('config.json')}")]
    return [*note, ("foreign", "file", f"{FOLDER}/snapshots/{COMMIT}/config.json")]


def blob_leads_out(place: Place) -> Sequence[Found]:
    elsewhere = place.root.parent / "elsewhere"
    place.blob(GRAPH).rename(elsewhere)
    place.blob(GRAPH).symlink_to(elsewhere)
    pointers = [("foreign", "file", f"{FOLDER}/snapshots/{each}/{GRAPH}") for each in (COMMIT, EARLIER)]
    return [("foreign", "blob", f"{FOLDER}/blobs/{place.name(GRAPH)}"), *pointers]


def blob_of_nobody(place: Place) -> Sequence[Found]:
    content = b"nobody's"
    name = hashlib.sha256(content).hexdigest()
    (place.folder / "blobs" / name).write_bytes(content)
    return [("extra", "blob", f"{FOLDER}/blobs/{name}")]


def not_asked_for(place: Place) -> Sequence[Found]:
    place.pointer("vocab.txt").unlink()
    return [("missing", "file", f"{FOLDER}/snapshots/{COMMIT}")]


def later_listing(place: Place) -> Sequence[Found]:
    (place.folder / "trees" / f"{COMMIT}.json").write_text('{"format_version": 2}')
    return [("foreign", "listing", f"{FOLDER}/trees/{COMMIT}.json")]


def listing_of_nothing(place: Place) -> Sequence[Found]:
    (place.folder / "trees" / f"{UNKNOWN}.json").write_text('{"format_version": 1, "files": {}}')
    return [("extra", "listing", f"{FOLDER}/trees/{UNKNOWN}.json")]


def markers_of_nothing(place: Place) -> Sequence[Found]:
    for name in ("a", "b"):
        _write(place.folder / ".no_exist" / UNKNOWN / name)
    return [("extra", "marker", f"{FOLDER}/.no_exist/{UNKNOWN}")]


def rests_of_downloads(place: Place) -> Sequence[Found]:
    rests = [
        f"{FOLDER}/.weighbridge/staged/0123456789abcdef",
        f"{FOLDER}/blobs/{UNKNOWN}.0a1b2c3d.incomplete",
        f"{FOLDER}/blobs/{UNKNOWN}.incomplete",
        f"{FOLDER}/refs/main.0a1b2c3d.tmp",
        "tmpab_12xyz",
    ]
    for each in rests:
        _write(place.root / each, b"a part")
    return [("unfinished", "partial", each) for each in rests]


def strangers(place: Place) -> Sequence[Found]:
    _write(place.folder / "notes.txt")
    _write(place.root / "readme.txt")
    return [("extra", "entry", f"{FOLDER}/notes.txt"), ("foreign", "entry", "readme.txt")]


def untagged(place: Place) -> Sequence[Found]:
    (place.root / "CACHEDIR.TAG").unlink()
    return [("missing", "tag", "CACHEDIR.TAG")]


def dust(place: Place) -> Sequence[Found]:
    """What systems put anywhere is nobody's business."""
    for each in ("", f"{FOLDER}", f"{FOLDER}/refs", f"{FOLDER}/snapshots", f"{FOLDER}/snapshots/{COMMIT}"):
        _write(place.root / each / ".DS_Store")
    return []


MENDABLE: tuple[Damage, ...] = (
    flipped,
    small_flipped,
    cut,
    longer,
    blank,
    lost,
    shared_lost,
    astray,
    overwritten,
    ref_to_nothing,
    ref_of_nonsense,
    ref_with_newline,
    ref_emptied,
    listing_torn,
    marker_denies,
    marker_of_nonsense,
    extra_link,
    folder_of_nothing,
)
"""Faults that go, and after which all is as it was before."""

LEFT: tuple[Damage, ...] = (extra_file, file_among_commits, link_out, blob_leads_out)
"""Faults about which only somebody who knows what it is can do something."""

NOTED: tuple[Damage, ...] = (
    blob_of_nobody,
    not_asked_for,
    later_listing,
    listing_of_nothing,
    markers_of_nothing,
    rests_of_downloads,
    strangers,
    untagged,
    dust,
)
"""What harms nobody."""

APART: tuple[Damage, ...] = (
    flipped,
    longer,
    shared_lost,
    astray,
    overwritten,
    ref_to_nothing,
    ref_with_newline,
    ref_emptied,
    marker_of_nonsense,
    folder_of_nothing,
)
"""Faults of which any can be there together, and none hides another."""


def told(findings: Sequence[Finding], root: Path) -> list[Found]:
    """Return findings as damages tell of them."""
    return sorted((each.trouble.value, each.thing.value, each.path.relative_to(root).as_posix()) for each in findings)


def picture(root: Path) -> dict[str, object]:
    """Return all that is in a cache, but for what only we note: contents, links, and when they were written."""
    return {each.relative_to(root).as_posix(): _seen(each) for each in _everything(root)}


def times(root: Path) -> dict[str, int]:
    """Return when everything in a cache was written, directories left out."""
    return {each.relative_to(root).as_posix(): each.lstat().st_mtime_ns for each in _everything(root)}


def _everything(root: Path) -> Iterator[Path]:
    for directory, folders, names in os.walk(root):
        folders[:] = [each for each in folders if each not in {".weighbridge", ".locks"}]
        for name in (*names, *(each for each in folders if Path(directory, each).is_symlink())):
            yield Path(directory, name)


def _seen(path: Path) -> object:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _broken(place: Place, path: str, spoil: Callable[[Path], object]) -> Sequence[Found]:
    spoil(place.blob(path))
    return [("damaged", "blob", f"{FOLDER}/blobs/{place.name(path)}")]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _blank(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"")
    os.truncate(path, size)


def _ref(place: Place, name: str, content: str, trouble: str) -> Sequence[Found]:
    (place.folder / "refs" / name).write_text(content)
    return [(trouble, "ref", f"{FOLDER}/refs/{name}")]


def _marker(place: Place, path: str) -> Sequence[Found]:
    _write(place.folder / ".no_exist" / path)
    return [("damaged", "marker", f"{FOLDER}/.no_exist/{path}")]


def _write(path: Path, content: bytes = b"") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
