"""What we have verified and mended is read by others as if nothing had ever been wrong with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, hub_options, snapshot
from tests.support.hub.damages import APART, Place, patient
from tests.support.hub_clients import HubClient, HubProcess, started
from tests.support.hub_repos import MINILM, Served, contents, digests
from tests.support.mirror_process import MirrorProcess
from weighbridge.client import Client
from weighbridge.core.findings import Thing, Trouble
from weighbridge.core.options import CacheOptions, HubOptions, Options, TransferOptions
from weighbridge.core.pieces import PIECE
from weighbridge.core.ranges import ByteRange

NOBODY = "http://127.0.0.1:9"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def theirs(newest: HubClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """The newest client, with nobody to ask."""
    with started({"2.x": newest}, NOBODY, tmp_path_factory.mktemp("offline")) as processes:
        yield processes["2.x"]


def test_flipped_byte_in_a_real_model_is_found_and_mended_by_one_piece(
    mirror: MirrorProcess, served: Served, theirs: HubProcess, tmp_path: Path
) -> None:
    """92 MB that somebody uses: one piece of 4 MiB comes, and the newest client reads the whole."""
    root = tmp_path / "hub"
    once = TransferOptions(connections=1, straggler_s=30.0)  # no byte comes twice, however busy the machine is
    options = Options(hub=HubOptions(endpoint=mirror.endpoint), cache=CacheOptions(root=root), transfer=once)
    with Client(options) as client:
        snapshot_path = client.snapshot(MINILM).path
        blob = (snapshot_path / WEIGHTS).resolve()
        at = 50_000_000
        with blob.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 1]))

        (found,) = client.cache.verify(MINILM).findings
        done = client.cache.repair(MINILM)

    start = at // PIECE * PIECE
    path = theirs.call("snapshot_download", repo_id=MINILM, cache_dir=root, local_files_only=True)
    assert (found.trouble, found.thing, found.path.resolve()) == (Trouble.DAMAGED, Thing.BLOB, blob)
    assert (found.files, found.piece) == ((WEIGHTS,), ByteRange(start, start + PIECE))
    assert [each.result and each.result.bytes_fetched for each in done.mended] == [PIECE]
    assert digests(path) == digests(served.minilm)
    shutil.rmtree(root)


def test_cache_that_was_broken_in_many_ways_is_scanned_and_read_by_the_newest_client(
    theirs: HubProcess, tmp_path: Path
) -> None:
    """It drops a repository for any of these, and takes it back once all are mended."""
    place = Place(tmp_path / "hub", patient())
    with FaultHub(place.repo) as hub:
        for revision in ("v1.0", "main"):
            snapshot(hub_options(hub, place.root), place.repo, revision=revision)
        for damage in APART:
            damage(place)
        broken = theirs.call("scan_cache_dir", cache_dir=place.root)

        with Client(hub_options(hub, place.root)) as client:
            done = client.cache.repair()

    mended = theirs.call("scan_cache_dir", cache_dir=place.root)
    assert done.is_right
    assert (len(broken["warnings"]), len(mended["warnings"])) == (2, 0)
    for revision, commit in (("main", COMMIT), ("v1.0", EARLIER)):
        path = theirs.call(
            "snapshot_download",
            repo_id=place.repo.name,
            revision=revision,
            cache_dir=place.root,
            local_files_only=True,
        )
        assert contents(path) == place.repo.commits[commit]
