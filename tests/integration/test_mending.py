"""Damaged blobs are mended for as few bytes as can be: those of the pieces that are damaged, if these are known."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fault_hub import FaultHub
from tests.support.faults import FlipByte
from tests.support.hub.calls import COMMIT, WEIGHTS, hub_options, one_by_one, snapshot, unfinished, victim, wrongs
from tests.support.hub.mending import MendTask, broken_blob, mend
from tests.support.hub_repos import Repo, contents
from tests.support.processes import ClientProcess
from weighbridge.core.digests import Digest
from weighbridge.core.errors import DigestMismatchError, OfflineModeIsEnabled
from weighbridge.core.options import MIB, CacheOptions, Options
from weighbridge.core.pieces import PIECE
from weighbridge.store.cache.pieces import manifest_file
from weighbridge.store.receipts import CacheBook, Receipts
from weighbridge.store.sight import see

SIZE = 3 * PIECE + 12_345
LAST = SIZE - 3 * PIECE
FOLDER = "models--acme--victim"

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def repo() -> Repo:
    """Its weights have four pieces, the last of them short."""
    return victim(SIZE)


@pytest.fixture(scope="module")
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


@pytest.fixture(scope="module")
def whole(hub: FaultHub, repo: Repo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the snapshot, as a download leaves it."""
    root = tmp_path_factory.mktemp("whole")
    snapshot(hub_options(hub, root), repo)
    return root


@pytest.fixture
def cache(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "hub", symlinks=True))


@pytest.fixture
def options(hub: FaultHub, cache: Path) -> Options:
    return one_by_one(hub, cache)


def blob_of(cache: Path, path: str = WEIGHTS) -> Path:
    """Return where the bytes of a file of the snapshot are."""
    return (cache / FOLDER / "snapshots" / COMMIT / path).resolve()


def flip(*offsets: int) -> Damage:
    """Return what changes a byte at each offset."""

    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            for offset in offsets:
                file.seek(offset)
                before = file.read(1)
                file.seek(offset)
                file.write(bytes([before[0] ^ 0x10]))

    return damage


def blank(start: int, stop: int) -> Damage:
    """Return what writes zeros."""

    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(bytes(stop - start))

    return damage


def cut(size: int) -> Damage:
    """Return what gives a file another length."""
    return lambda path: os.truncate(path, size)


DAMAGES: dict[str, tuple[Damage, int]] = {
    "first byte": (flip(0), PIECE),
    "last byte of a piece": (flip(2 * PIECE - 1), PIECE),
    "two bytes of a piece": (flip(PIECE, PIECE + 77), PIECE),
    "two pieces": (flip(5, 2 * PIECE + 5), 2 * PIECE),
    "neighbours": (flip(PIECE - 1, PIECE), 2 * PIECE),
    "last piece": (flip(SIZE - 1), LAST),
    "first and last piece": (flip(7, 3 * PIECE), PIECE + LAST),
    "zeros": (blank(PIECE + 9, 2 * PIECE - 9), PIECE),
    "all zeros": (blank(0, SIZE), SIZE),
    "cut in a piece": (cut(2 * PIECE + 1000), PIECE + LAST - 1000),
    "cut between pieces": (cut(PIECE), 2 * PIECE + LAST),
    "cut to nothing": (cut(0), SIZE),
    "longer": (cut(SIZE + 999), 0),
}


@pytest.mark.parametrize(("damage", "cost"), DAMAGES.values(), ids=DAMAGES)
def test_exactly_the_damaged_pieces_are_fetched(
    hub: FaultHub, repo: Repo, cache: Path, damage: Damage, cost: int
) -> None:
    """Of hundreds of gigabytes, what has rotted comes again, and no more."""
    options = one_by_one(hub, cache)
    damage(blob_of(cache))
    before = hub.file_bytes

    (result,) = mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert hub.file_bytes - before == cost
    assert result.bytes_fetched == cost
    assert contents(cache / FOLDER / "snapshots" / COMMIT) == repo.main
    assert wrongs(cache, cache) == []
    assert unfinished(cache) == []


@settings(max_examples=6)
@given(offsets=st.sets(st.integers(0, SIZE - 1), min_size=1, max_size=5))
def test_any_bytes_cost_their_pieces(hub: FaultHub, repo: Repo, whole: Path, offsets: set[int]) -> None:
    """Whatever is damaged, the cost is the sum of the pieces it lies in; then all is right."""
    options = one_by_one(hub, whole)
    numbers = {offset // PIECE for offset in offsets}
    flip(*offsets)(blob_of(whole))

    (result,) = mend(options, [broken_blob(whole, repo, WEIGHTS, COMMIT)])

    assert result.bytes_fetched == sum(min(PIECE, SIZE - number * PIECE) for number in numbers)
    assert blob_of(whole).read_bytes() == repo.main[WEIGHTS]


def remove(path: Path) -> None:
    path.unlink()


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"prefixes", b"prefixen"))


@pytest.mark.parametrize("lose", [remove, spoil, cut(100)])
def test_without_a_manifest_the_whole_file_is_fetched(
    hub: FaultHub, repo: Repo, cache: Path, options: Options, lose: Damage
) -> None:
    """What other clients have fetched has none, and a torn one counts as none."""
    lose(manifest_file(cache / FOLDER, blob_of(cache).name))
    flip(5)(blob_of(cache))
    before = hub.file_bytes

    mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert hub.file_bytes - before == SIZE
    assert blob_of(cache).read_bytes() == repo.main[WEIGHTS]


def test_manifest_that_lies_costs_bytes_and_nothing_else(
    hub: FaultHub, repo: Repo, cache: Path, options: Options
) -> None:
    """P1: what pieces should be is only a help; the digest of the whole decides, and the manifest is mended, too."""
    place = manifest_file(cache / FOLDER, blob_of(cache).name)
    right = place.read_bytes()
    lines = right.splitlines(keepends=True)
    lines[6] = lines[6].replace(lines[6].strip()[1:9], b"00000000")
    place.write_bytes(b"".join(lines))
    flip(2 * PIECE)(blob_of(cache))
    before = hub.file_bytes

    mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert hub.file_bytes - before == 2 * PIECE
    assert blob_of(cache).read_bytes() == repo.main[WEIGHTS]
    assert place.read_bytes() == right


def test_readers_keep_what_they_have_open(repo: Repo, cache: Path, options: Options) -> None:
    """A process that has mapped the weights sees none of its bytes change under it."""
    flip(5)(blob_of(cache))
    damaged = blob_of(cache).read_bytes()

    with blob_of(cache).open("rb") as reader:
        mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])
        seen = reader.read()

    assert seen == damaged
    assert blob_of(cache).read_bytes() == repo.main[WEIGHTS]


def test_wrong_bytes_from_the_server_are_not_put_in_place(
    hub: FaultHub, repo: Repo, cache: Path, options: Options
) -> None:
    """P1: mending trusts nobody more than downloading does; the damaged blob stays what it was."""
    flip(5)(blob_of(cache))
    damaged = blob_of(cache).read_bytes()
    path = hub.cdn_path(repo, WEIGHTS)

    hub.cdn.on(path=path, fault=FlipByte(9))
    try:
        with pytest.raises(DigestMismatchError):
            mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])
    finally:
        hub.cdn.clear_rules()

    assert blob_of(cache).read_bytes() == damaged
    assert unfinished(cache) == []


def copy_repository(cache: Path, name: str) -> Path:
    """Have the same repository under another name; return its folder."""
    return Path(shutil.copytree(cache / FOLDER, cache / f"models--acme--{name}", symlinks=True))


def test_identical_content_elsewhere_is_linked(hub: FaultHub, repo: Repo, cache: Path, options: Options) -> None:
    """What is on this disk already is not fetched, even where the network is switched off."""
    copy_repository(cache, "twin")
    flip(5, SIZE - 1)(blob_of(cache))
    offline = one_by_one(hub, cache, offline=True)

    (result,) = mend(offline, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert (result.outcome, result.bytes_fetched) == ("linked", 0)
    assert contents(cache / FOLDER / "snapshots" / COMMIT) == repo.main


def test_damaged_content_elsewhere_is_no_help(hub: FaultHub, repo: Repo, cache: Path, options: Options) -> None:
    """A blob's name is not believed: it is read before it stands in for another, and from then on known for bad."""
    twin = copy_repository(cache, "twin")
    flip(5)(blob_of(cache))
    other = twin / "blobs" / blob_of(cache).name
    flip(5)(other)
    digest, notes = Digest("sha256", other.name), Receipts(CacheBook(cache))
    notes.note(other, digest, see(other), is_flushed=True)
    notes.save()
    before = hub.file_bytes

    (result,) = mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert result.outcome == "fetched"
    assert not Receipts(CacheBook(cache)).knows(other, digest)
    assert hub.file_bytes - before == PIECE


def test_any_repository_may_have_what_is_right(hub: FaultHub, repo: Repo, cache: Path, options: Options) -> None:
    """Of several that have the content, some damaged as well, the right one is found; all damaged ones are mended."""
    name = blob_of(cache).name
    for twin in ("a-first", "b-second", "z-last"):
        copy_repository(cache, twin)
    for folder in (FOLDER, "models--acme--a-first", "models--acme--b-second"):
        flip(5)(cache / folder / "blobs" / name)
    broken = [broken_blob(cache, replace(repo, name=f"acme/{each}"), WEIGHTS, COMMIT) for each in ("victim", "a-first")]
    before = hub.file_bytes

    results = mend(options, broken)

    assert [each.outcome for each in results] == ["linked", "linked"]
    assert hub.file_bytes == before
    assert wrongs(cache, cache) == ["wrong bytes: " + name]  # of the one that nobody asked for


def test_content_that_is_broken_twice_is_fetched_once(hub: FaultHub, repo: Repo, cache: Path, options: Options) -> None:
    """One of two repositories is mended, and the other is linked to it."""
    copy_repository(cache, "twin")
    broken = [broken_blob(cache, replace(repo, name=f"acme/{each}"), WEIGHTS, COMMIT) for each in ("victim", "twin")]
    for each in broken:
        flip(5)(each.path)
    before = hub.file_bytes

    results = mend(options, broken)

    assert [each.outcome for each in results] == ["fetched", "linked"]
    assert hub.file_bytes - before == PIECE
    assert wrongs(cache, cache) == []


def test_offline_only_what_must_be_fetched_fails(hub: FaultHub, repo: Repo, cache: Path) -> None:
    """Nothing is asked, and the blob stays as it was."""
    flip(5)(blob_of(cache))
    before = hub.file_bytes

    with pytest.raises(OfflineModeIsEnabled):
        mend(one_by_one(hub, cache, offline=True), [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert hub.file_bytes == before
    assert unfinished(cache) == []


def test_missing_blob_is_fetched_and_pointed_to(repo: Repo, cache: Path, options: Options) -> None:
    """Links that led to nothing lead to the file again."""
    paths = [WEIGHTS, "config.json"]
    for path in paths:
        blob_of(cache, path).unlink()
    (cache / FOLDER / "snapshots" / COMMIT / "config.json").unlink()

    mend(options, [broken_blob(cache, repo, path, COMMIT) for path in paths])

    assert contents(cache / FOLDER / "snapshots" / COMMIT) == repo.main
    assert wrongs(cache, cache) == []


def test_plain_file_of_a_snapshot_without_links_is_mended(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """Where there are no links, what is damaged lies in the snapshot itself, and is mended by pieces as well."""
    cache = tmp_path / "hub"
    options = replace(one_by_one(hub, cache), cache=CacheOptions(root=cache, symlinks=False))
    place = snapshot(options, repo).path / WEIGHTS
    flip(PIECE)(place)
    before = hub.file_bytes

    (result,) = mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert hub.file_bytes - before == PIECE
    assert place.read_bytes() == repo.main[WEIGHTS]
    assert result.path == place
    assert not place.is_symlink()


def test_receipt_does_not_vouch_for_what_was_found_damaged(hub: FaultHub, repo: Repo, cache: Path) -> None:
    """A disk that rots shows nothing in a stat: once the damage was found, no call takes the file for right again."""
    flip(5)(blob_of(cache))
    receipts = Receipts(CacheBook(cache))
    receipts.note(blob_of(cache), Digest("sha256", blob_of(cache).name), see(blob_of(cache)), is_flushed=True)
    receipts.save()
    with pytest.raises(OfflineModeIsEnabled):
        mend(one_by_one(hub, cache, offline=True), [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    found = snapshot(one_by_one(hub, cache), repo)

    assert contents(found.path) == repo.main


@pytest.mark.timeout(40)
def test_kill_in_the_middle_of_mending_costs_no_more_than_what_was_under_way(
    hub: FaultHub, repo: Repo, cache: Path, tmp_path: Path
) -> None:
    """P2: pieces that were mended before the kill stay mended, and those behind it are still known to be damaged."""
    blob, path = blob_of(cache), hub.cdn_path(repo, WEIGHTS)
    flip(5, PIECE + 5, 2 * PIECE + 5)(blob)
    pieces = {"connections": 1, "first_piece": MIB, "piece_min": MIB, "piece_max": MIB}
    task = MendTask(
        endpoint=hub.origin,
        cache=str(cache),
        repo_id=repo.name,
        commit=COMMIT,
        path=WEIGHTS,
        etag=blob.name,
        options={"transfer": pieces, "store": {"receipts": str(tmp_path / "receipts")}},
    )
    before = hub.file_bytes
    with hub.cdn.gate(path, after=PIECE + PIECE // 2) as gate, ClientProcess(task, tmp_path / "log") as client:
        gate.wait_reached()
        client.kill()
    assert wrongs(cache, cache) == [f"wrong bytes: {blob.name}"]

    with ClientProcess(task, tmp_path / "log") as client:
        outcome = client.wait()

    assert outcome.code == 0, outcome
    assert wrongs(cache, cache) == []
    assert unfinished(cache) == []
    assert PIECE < outcome.fetched <= 2 * PIECE
    assert hub.file_bytes - before <= 3 * PIECE + MIB


def test_random_bytes_in_many_pieces_are_mended_in_one_pass(
    hub: FaultHub, repo: Repo, cache: Path, options: Options
) -> None:
    """Each piece is judged by itself, however many are damaged."""
    offsets = [number * PIECE + Random(number).randrange(LAST) for number in range(4)]
    flip(*offsets)(blob_of(cache))

    (result,) = mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert result.bytes_fetched == SIZE
    assert result.bytes_resumed == SIZE


def test_two_who_mend_the_same_fetch_it_once(hub: FaultHub, repo: Repo, cache: Path, options: Options) -> None:
    """P7: whoever comes second waits, and takes what the first has mended."""
    flip(PIECE)(blob_of(cache))
    before, broken = hub.file_bytes, [broken_blob(cache, repo, WEIGHTS, COMMIT)]

    with ThreadPoolExecutor() as callers:
        results = [each.result() for each in [callers.submit(mend, options, broken) for _ in range(3)]]

    assert hub.file_bytes - before == PIECE
    assert sum(each.bytes_fetched for (each,) in results) == PIECE
    assert wrongs(cache, cache) == []
    assert unfinished(cache) == []


def test_shared_content_of_newer_clients_is_not_written_to(repo: Repo, cache: Path, options: Options) -> None:
    """P6: other repositories link to it, and their client counts on nobody else changing it."""
    name = blob_of(cache).name
    content = cache / "blobs" / name[:2] / name
    content.parent.mkdir(parents=True)
    (cache / "blobs" / ".huggingface-shared-blobs").write_text("1\n")
    blob = cache / FOLDER / "blobs" / name
    blob.rename(content)
    blob.symlink_to(f"../../blobs/{name[:2]}/{name}")
    flip(5)(content)
    damaged = content.read_bytes()

    (result,) = mend(options, [broken_blob(cache, repo, WEIGHTS, COMMIT)])

    assert result.bytes_fetched == PIECE
    assert content.read_bytes() == damaged
    assert contents(cache / FOLDER / "snapshots" / COMMIT) == repo.main
    assert not blob.is_symlink()
