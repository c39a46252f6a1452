"""What released clients make of a cache that was filled out of a bundle: they need nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundles import client_of
from tests.support.hub_clients import HubClient, HubProcess, started
from tests.support.hub_repos import Served, contents

NOBODY = "http://127.0.0.1:9"
REVISIONS = ["main", "v1.0"]


@pytest.fixture(scope="module")
def cache(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache on a machine that has never had a network."""
    place = tmp_path_factory.mktemp("carried")
    wanted = [f"{served.model.name}@{each}" for each in REVISIONS]
    with client_of(served.cache) as packing:
        packing.bundles.create(place / "x.tar", *wanted, f"datasets/{served.dataset.name}", tar=True, split=5_000_000)
    with client_of(place / "hub") as taking:
        taking.bundles.load(place / "x.tar.001")
    return place / "hub"


@pytest.fixture(scope="module")
def offline(clients: dict[str, HubClient], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, HubProcess]]:
    """A process of each client, with nobody to ask."""
    with started(clients, NOBODY, tmp_path_factory.mktemp("offline")) as processes:
        yield processes


@pytest.mark.parametrize("revision", REVISIONS)
def test_snapshot_out_of_a_bundle_is_read_with_nobody_to_ask(
    client: HubClient, offline: dict[str, HubProcess], cache: Path, served: Served, revision: str
) -> None:
    """By branch and by tag, every file with its awkward name."""
    where = {"repo_id": served.model.name, "revision": revision, "cache_dir": cache, "local_files_only": True}

    found = offline[client.name].call("snapshot_download", **where)

    assert contents(found) == served.model.at(revision)


def test_cache_out_of_a_bundle_is_scanned_without_warnings(
    newest: HubClient, offline: dict[str, HubProcess], cache: Path
) -> None:
    """Nothing of ours is in anybody's way."""
    found = offline[newest.name].call("scan_cache_dir", cache_dir=cache)

    assert found["warnings"] == []
    assert {"acme/awkward", "acme/numbers"} <= {each for each in found["repos"].split("'") if "/" in each}
