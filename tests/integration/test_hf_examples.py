"""What huggingface_hub's page on downloading files shows, word for word as far as it can be run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub
from tests.support.hub.home import home
from tests.support.hub_repos import Repo, blob_name
from weighbridge import hf_hub_download, hf_hub_url, snapshot_download
from weighbridge.compat.huggingface_hub import try_to_load_from_cache

__all__ = ["home"]

FIRST, SECOND = "2439f60ef33a0d46d85da5001d52aeda5b00ce9f", "bbc77c8132af1cc5cf678da3f1ddf2de43606d48"
WEIGHTS = Random(1).randbytes(3210)
REPO = Repo(
    kind="model",
    name="julien-c/EsperBERTo-small",
    commits={
        FIRST: {"README.md": b"# EsperBERTo\n" * 100, "pytorch_model.bin": WEIGHTS},
        SECOND: {"README.md": b"# EsperBERTo-small\n" * 21, "pytorch_model.bin": WEIGHTS},
    },
    refs={"main": FIRST},
)
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def hub() -> Iterator[FaultHub]:
    """A Hub with the repository of the page, whose branch moves."""
    with FaultHub(REPO) as running:
        yield running


def test_address_is_constructed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one example of code on the page."""
    monkeypatch.delenv("HF_ENDPOINT")

    url = hf_hub_url(repo_id="julien-c/EsperBERTo-small", filename="pytorch_model.bin")

    assert url == "https://huggingface.co/julien-c/EsperBERTo-small/resolve/main/pytorch_model.bin"


def test_cache_looks_as_it_is_pictured(hub: FaultHub, home: Path) -> None:
    """Two commits, of which the second has another README: three blobs, four links, one ref."""
    snapshot_download("julien-c/EsperBERTo-small")
    hub.move(REPO, "main", SECOND)
    snapshot_download("julien-c/EsperBERTo-small")

    folder = home / "hub" / "models--julien-c--EsperBERTo-small"
    blobs = {path: blob_name(*path) for path in {*REPO.commits[FIRST].items(), *REPO.commits[SECOND].items()}}
    links = {each: str(each.readlink()) for each in folder.rglob("*") if each.is_symlink()}
    assert names(folder / "blobs") == sorted(blobs.values())
    assert sorted(len(each) for each in blobs.values()) == [40, 40, 64]
    assert (folder / "refs" / "main").read_bytes() == SECOND.encode()
    assert names(folder / "refs") == ["main"]
    assert links == {
        folder / "snapshots" / commit / path: f"../../blobs/{blob_name(path, content)}"
        for commit, files in REPO.commits.items()
        for path, content in files.items()
    }


def test_file_of_an_earlier_commit_stays_where_it_was(hub: FaultHub) -> None:
    """If it was updated, the latest is had, "while keeping the previous file intact in case you need it again"."""
    before = hf_hub_download("julien-c/EsperBERTo-small", "README.md")
    hub.move(REPO, "main", SECOND)
    after = hf_hub_download("julien-c/EsperBERTo-small", "README.md")

    assert Path(before).read_bytes() == REPO.commits[FIRST]["README.md"]
    assert Path(after).read_bytes() == REPO.commits[SECOND]["README.md"]
    assert re.search(rf"/snapshots/{FIRST}/README\.md$", before)
    assert re.search(rf"/snapshots/{SECOND}/README\.md$", after)


def test_content_that_did_not_change_is_not_fetched_again(hub: FaultHub) -> None:
    """ "It would have the same hash and the file would not need to be redownloaded"."""
    hf_hub_download("julien-c/EsperBERTo-small", "pytorch_model.bin")
    hub.move(REPO, "main", SECOND)
    sent = hub.file_bytes

    hf_hub_download("julien-c/EsperBERTo-small", "pytorch_model.bin")

    assert hub.file_bytes == sent


def test_file_that_is_had_is_found_without_asking(hub: FaultHub) -> None:
    """By name alone."""
    path = hf_hub_download("julien-c/EsperBERTo-small", "README.md")
    asked = len(hub.requests)

    found = try_to_load_from_cache("julien-c/EsperBERTo-small", "README.md")

    assert found == path
    assert len(hub.requests) == asked
