"""Prune, rm and limit, again and again, beside processes that download and read: nobody but they notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import KIB, hub_options, snapshot, wrongs
from tests.support.hub_clients import HubClient, make_clients
from tests.support.hub_repos import Repo, contents
from weighbridge.compat.huggingface_hub import scan_cache_dir

MAKING_S = 400  # the first test waits until the client is installed
SECONDS = float(os.environ.get("WEIGHBRIDGE_RACE_S", "3"))
ROLES = ["download"] * 4 + ["read"] * 4 + ["prune", "rm", "limit"]
NAMES = ["acme/shared", "acme/other", "acme/third"]
COMMITS = [f"{number:x}" * 40 for number in range(1, 6)]


def made_of(names: Sequence[str], name: str = "acme/shared") -> Repo:
    """Return a model with commits that share most of their contents, with each other and with all other models."""
    shared = {"model.safetensors": Random(1).randbytes(300 * KIB), "vocab.txt": Random(2).randbytes(20 * KIB)}
    commits = {
        commit: {
            **shared,
            "config.json": b'{"number": %d}' % number,
            f"part-{number}.bin": Random(number).randbytes(50 * KIB),
            "pair.bin": Random(100 + number // 2).randbytes(40 * KIB),
        }
        for number, commit in enumerate(names)
    }
    return Repo(kind="model", name=name, commits=commits, refs={"main": names[-1]})


@pytest.fixture
def repos() -> list[Repo]:
    return [made_of(COMMITS, name) for name in NAMES]


@pytest.fixture
def hub(repos: list[Repo]) -> Iterator[FaultHub]:
    with FaultHub(*repos) as running:
        yield running


@pytest.fixture(scope="session")
def newest() -> HubClient:
    return make_clients(["2.x"])["2.x"]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "home" / "hub"


def start(role: str, hub: FaultHub, cache: Path, seconds: float) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "tests.support.care_loop", role, hub.origin, str(cache), ",".join(NAMES)]
    return subprocess.Popen([*line, ",".join(COMMITS), str(seconds)], stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(60 + 3 * SECONDS)
def test_no_reader_and_no_download_fails_beside_removals(hub: FaultHub, repos: list[Repo], cache: Path) -> None:
    """What a call has given a path to stays until it is let go of, and nothing that is needed is ever lost."""
    processes = [start(role, hub, cache, SECONDS) for role in ROLES]
    told = [json.loads(each.communicate()[0]) for each in processes]

    print([(each["role"], each["rounds"], each["done"]) for each in told])  # noqa: T201 - the figures of a long run
    assert [error for each in told for error in each["errors"]] == []
    assert all(each["rounds"] > 0 for each in told)
    assert sum(each["done"] for each in told if each["role"] in {"prune", "rm", "limit"}) > 0
    assert wrongs(cache, cache) == []
    assert scan_cache_dir(cache).warnings == []
    held = [contents(snapshot(hub_options(hub, cache), each).path) for each in repos]
    assert held == [each.main for each in repos]


@pytest.mark.timeout(MAKING_S + SECONDS)
def test_real_client_never_notices_a_prune(cache: Path, newest: HubClient) -> None:
    """It knows no locks of ours: what its branch means stays, and so does what it is about to link to."""
    repo = made_of([f"{number:040x}" for number in range(20)])
    with FaultHub(repo) as hub, newest.start(hub.origin, cache.parent) as theirs:
        pruning = start("prune", hub, cache, SECONDS)
        read = []
        for commit in repo.commits:
            hub.move(repo, "main", commit)
            path = theirs.call("snapshot_download", repo_id=repo.name)
            read.append(contents(path) == repo.commits[commit])
        told = json.loads(pruning.communicate()[0])

    assert told["errors"] == []
    assert told["done"] > 0
    assert all(read)
    assert wrongs(cache, cache) == []
    assert scan_cache_dir(cache).warnings == []
