"""The walks that the laboratory disturbs: what is there before, the call, and what must be there afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.bundles import check
from tests.support.fetching import build_options
from tests.support.hub.calls import COMMIT, EARLIER, KIB, WEIGHTS, victim
from tests.support.hub_repos import Repo, blob_name, contents
from tests.support.invariants import (
    broken_in_cache,
    broken_in_folder,
    left_by_prune,
    left_in_cache,
    left_in_folder,
    lost,
)
from tests.support.scene import quick_options
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import EntryNotFoundError
from weighbridge.core.options import CacheOptions, HubOptions, Options
from weighbridge.store.small import SMALL

SIZE = SMALL + 200 * KIB
"""Bytes of the one file that is not small."""

OTHER = "sub/other.bin"


def model() -> Repo:
    """Return what all walks are about."""
    return victim(SIZE)


def plain_files() -> Mapping[str, bytes]:
    """Return what the walk of a list of files is about, by name; served by the CDN under the same names."""
    return {WEIGHTS: model().main[WEIGHTS], OTHER: model().commits[EARLIER][WEIGHTS]}


@dataclass(frozen=True, slots=True)
class Place:
    """Where walks are done.

    Attributes:
        root: All that they change is below it.
        endpoint: Of the Hub.
        cdn: Where plain files are.
    """

    root: Path
    endpoint: str
    cdn: str

    @property
    def cache(self) -> Path:
        """The cache."""
        return self.root / "hub"

    @property
    def folder(self) -> Path:
        """A directory of files."""
        return self.root / "folder"

    @property
    def project(self) -> Path:
        """A project."""
        return self.root / "project"

    @property
    def bundle(self) -> Path:
        """A bundle."""
        return self.root / "bundle" / "b.tar"

    @property
    def blob(self) -> Path:
        """The blob of the weights."""
        return self.cache / "models--acme--victim" / "blobs" / blob_name(WEIGHTS, model().main[WEIGHTS])

    def options(self) -> Options:
        """Return options with short waits; what a call knows of files lies below the root."""
        given = quick_options(self.root)
        given["transfer"]["read_size"] = 64 * KIB
        given["store"]["wait_timeout_s"] = 3.0
        hub = HubOptions(endpoint=self.endpoint, call_timeout_s=30.0, etag_timeout_s=20.0)
        return replace(build_options(given), hub=hub, cache=CacheOptions(root=self.cache))

    def requests(self) -> list[FileRequest]:
        """Return the requests for plain files."""
        return [
            FileRequest.parse(name, f"{self.cdn}/plain/{name}", f"sha256:{blob_name(WEIGHTS, content)}")
            for name, content in plain_files().items()
        ]


Call = Callable[[Client, Place], object]
Judge = Callable[[Place], list[str]]


def _nothing(client: Client, place: Place) -> None:
    del client, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One call, and what holds before, during and after it.

    Attributes:
        prepare: Makes what is there before, in a place that is empty.
        call: Does it.
        during: Tells what is wrong at any moment.
        after: Tells what is wrong or lacks when the call went well.
        is_for_others: Other clients may be asked to work there in between: nothing is wrong that is to be mended.
    """

    call: Call
    during: Judge
    after: Judge
    prepare: Call = _nothing
    is_for_others: bool = True


def run(walk: str, place: Place) -> None:
    """Do a walk in this process, with a client of its own."""
    with Client(place.options()) as client:
        WALKS[walk].call(client, place)
        client.cache.release()


def prepare(walk: str, place: Place) -> None:
    """Make what is there before a walk."""
    place.root.mkdir(parents=True)
    with Client(place.options()) as client:
        WALKS[walk].prepare(client, place)
        client.cache.release()


# What is there before


def _whole(client: Client, place: Place) -> None:
    del client
    model().write_cache(place.cache)


def _earlier(client: Client, place: Place) -> None:
    del client
    repo = model()
    commits, refs = {EARLIER: repo.commits[EARLIER]}, {"main": EARLIER}
    replace(repo, commits=commits, refs=refs).write_cache(place.cache)


def _damaged(client: Client, place: Place) -> None:
    _whole(client, place)
    place.blob.write_bytes(_damage())


def _damage() -> bytes:
    content = bytearray(model().main[WEIGHTS])
    content[-9:] = b"nonsense!"
    return bytes(content)


def _wasteful(client: Client, place: Place) -> None:
    """Let nothing mean one of two commits, and leave what killed clients leave."""
    _whole(client, place)
    folder = place.blob.parents[1]
    (folder / "refs" / "v1.0").unlink()
    place.blob.with_name(f"{'e' * 64}.incomplete").write_bytes(bytes(9))


def _locked(client: Client, place: Place) -> None:
    place.project.mkdir()
    (place.project / "weighbridge.toml").write_text('[[repository]]\nid = "acme/victim"\n', encoding="utf-8")
    client.projects.lock(place.project)


def _packed(client: Client, place: Place) -> None:
    packed = replace(place, root=place.root / "packed")
    _whole(client, packed)
    with Client(packed.options()) as other:
        _pack(other, place)


# The calls


def _download(client: Client, place: Place) -> object:
    return client.download("acme/victim", WEIGHTS)


def _snapshot(client: Client, place: Place) -> object:
    return client.snapshot("acme/victim")


def _pack(client: Client, place: Place) -> object:
    return client.bundles.create(place.bundle, "acme/victim@main", tar=True, force=True)


def _repair(client: Client, place: Place) -> object:
    del place
    return client.cache.repair(full=True)


def _prune(client: Client, place: Place) -> object:
    del place
    return client.cache.prune(older_than_s=0.0)


def _remove(client: Client, place: Place) -> None:
    with suppress(EntryNotFoundError):  # by the one before, who was killed later than that
        client.cache.remove("acme/victim@v1.0")
    client.cache.prune(older_than_s=0.0)


# What holds


def _sound(place: Place) -> list[str]:
    return broken_in_cache(place.cache)


def _sound_and_kept(*commits: str) -> Judge:
    return lambda place: broken_in_cache(place.cache) + lost(place.cache, model(), commits)


def _sound_but_for_the_damage(place: Place) -> list[str]:
    return broken_in_cache(place.cache, damaged={place.blob.name: _damage()})


def _complete(place: Place) -> list[str]:
    ref = place.blob.parents[1] / "refs" / "main"
    noted = [] if ref.read_text() == COMMIT else [f"ref: {ref.read_text()!r}"]
    return noted + left_in_cache(place.cache) + _mended(place)


def _mended(place: Place) -> list[str]:
    """A repair leaves what may be somebody's work, but nothing that a prune would not remove."""
    stays = left_by_prune(place.cache)
    return stays + broken_in_cache(place.cache) + lost(place.cache, model(), [COMMIT])


def _one_file(place: Place) -> list[str]:
    pointer = place.blob.parents[1] / "snapshots" / COMMIT / WEIGHTS
    wrong = [] if pointer.read_bytes() == model().main[WEIGHTS] else ["the file is not what it is to be"]
    return wrong + broken_in_cache(place.cache) + left_in_cache(place.cache)


def _cleared(place: Place) -> list[str]:
    more = sorted(each.name for each in (place.blob.parents[1] / "snapshots").iterdir() if each.name != COMMIT)
    return [f"not removed: {each}" for each in more] + _complete(place)


def _in_folder(wanted: Callable[[], Mapping[str, bytes]]) -> Walk:
    def complete(place: Place) -> list[str]:
        found = contents(place.folder)
        absent = [f"absent: {each}" for each in wanted() if each not in found]
        return absent + broken_in_folder(place.folder, wanted()) + left_in_folder(place.folder, wanted())

    return Walk(call=_fetch, during=lambda place: broken_in_folder(place.folder, wanted()), after=complete)


def _fetch(client: Client, place: Place) -> object:
    return client.fetch(place.requests(), place.folder)


def _bundle_sound(place: Place) -> list[str]:
    is_wrong = place.bundle.exists() and check(place.bundle)[0] != 0
    return ["the bundle is not whole"] if is_wrong else []


def _bundle_there(place: Place) -> list[str]:
    names = sorted(each.name for each in place.bundle.parent.iterdir())
    return _bundle_sound(place) + ([] if names == [place.bundle.name] else [f"beside the bundle: {names}"])


_CACHED: dict[str, Any] = {"during": _sound, "after": _complete}

WALKS: Mapping[str, Walk] = {
    "directory": _in_folder(plain_files),
    "local_dir": replace(
        _in_folder(lambda: model().main),
        call=lambda client, place: client.snapshot("acme/victim", local_dir=place.folder),
    ),
    "file": Walk(call=_download, during=_sound, after=_one_file),
    "snapshot": Walk(call=_snapshot, **_CACHED),
    "update": Walk(call=_snapshot, prepare=_earlier, during=_sound_and_kept(EARLIER), after=_complete),
    "sync": Walk(call=lambda client, place: client.projects.sync(place.project), prepare=_locked, **_CACHED),
    "load": Walk(call=lambda client, place: client.bundles.load(place.bundle), prepare=_packed, **_CACHED),
    "pack": Walk(call=_pack, prepare=_whole, during=_bundle_sound, after=_bundle_there),
    "repair": Walk(
        call=_repair,
        prepare=_damaged,
        during=_sound_but_for_the_damage,
        after=_mended,
        is_for_others=False,
    ),
    "prune": Walk(
        call=_prune,
        prepare=_wasteful,
        during=_sound_and_kept(COMMIT),
        after=_cleared,
    ),
    "rm": Walk(call=_remove, prepare=_whole, during=_sound_and_kept(COMMIT), after=_cleared),
}
"""All walks by their names."""
