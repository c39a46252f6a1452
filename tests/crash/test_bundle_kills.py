"""SIGKILL while a bundle is made or taken in: nothing half-done has the name, and the same call ends it well."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.bundles import client_of, options_of, pack
from tests.support.command import Command
from tests.support.hub.calls import WEIGHTS, unfinished, victim, wrongs
from tests.support.hub_repos import Repo, contents
from tests.support.scene import MIB
from tests.support.shims import Shims
from weighbridge.bundling.check import main as check
from weighbridge.client import Client
from weighbridge.core.events import Event, Notice
from weighbridge.store.layout import Place

SIZE = 12 * MIB
STEP = 4 * MIB  # bytes after which it is noted what was written
AHEAD = 2 * MIB  # what may have been written since

MAKING = {
    "manifest begun": "excl *bundle.json 1 after kill",
    "content half-written": "write *contents/sha256-* 6 after kill",
    "before its name": "rename */bundle 1 before kill",
}
MAKING_PARTS = {
    "one part named": "rename */part.001 1 after kill",
    "before the list is named": "rename */parts 1 before kill",
}
TAKING = {
    "half-way": "pwrite */data 14 after kill",
    "before a name": "rename */data 1 before kill",
    "after a name": "rename */data 1 after kill",
    "ref not written": "named */refs/main 1 before kill",
}


@pytest.fixture
def repo() -> Repo:
    return victim(weights_size=SIZE)


def killed(command: Command, shims: Shims, rule: str, *arguments: object) -> None:
    """Run the command until it is killed at a step."""
    done = subprocess.run(
        command.line(*arguments),
        env={**command.environment, **shims.acting(rule)},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def packed(repo: Repo, tmp_path: Path) -> Path:
    """A cache."""
    repo.write_cache(tmp_path / "packed")
    return tmp_path / "packed"


@pytest.mark.parametrize("step", MAKING)
def test_making_a_directory_is_begun_again(packed: Path, tmp_path: Path, shims: Shims, step: str) -> None:
    """There is no bundle, or a whole one."""
    out, command = tmp_path / "out" / "bundle", Command(tmp_path / "user", {"HF_HUB_CACHE": str(packed)})

    killed(command, shims, MAKING[step], "bundle", "create", out, "acme/victim")
    was_there = out.exists()
    notices: list[Event] = []
    with client_of(packed) as client:
        client.bundles.create(out, "acme/victim", observer=notices.append)

    assert not was_there
    assert any(isinstance(each, Notice) and "begun again" in each.message for each in notices)
    assert [each.name for each in out.parent.iterdir()] == ["bundle"]
    assert check([str(out)]) == 0


def test_claim_that_a_power_loss_has_emptied_is_waited_out(packed: Path, tmp_path: Path) -> None:
    """Nobody can tell whose it is, and nobody gives a sign: it must not keep a bundle from being made for ever."""
    out = tmp_path / "out" / "b.tar"
    out.parent.mkdir()
    Place(out).claim.touch()
    patient = options_of(packed)

    with Client(replace(patient, store=replace(patient.store, claim_ttl_s=0.5))) as client:
        client.bundles.create(out, "acme/victim", tar=True)

    assert [each.name for each in out.parent.iterdir()] == ["b.tar"]


@pytest.mark.parametrize("step", MAKING_PARTS)
def test_making_parts_is_begun_again(packed: Path, tmp_path: Path, shims: Shims, step: str) -> None:
    """Parts without their list may be there, which the next run is told to replace."""
    out, command = tmp_path / "out" / "b.tar", Command(tmp_path / "user", {"HF_HUB_CACHE": str(packed)})

    killed(command, shims, MAKING_PARTS[step], "bundle", "create", out, "acme/victim", "--split", "8M")
    left = sorted(each.name for each in out.parent.iterdir() if not each.name.startswith("."))
    for each in left:
        (out.parent / each).unlink()
    with client_of(packed) as client:
        client.bundles.create(out, "acme/victim", tar=True, split=8 * MIB)

    assert "b.tar.parts.json" not in left
    assert sorted(each.name for each in out.parent.iterdir()) == ["b.tar.001", "b.tar.002", "b.tar.parts.json"]
    assert check([str(out)]) == 0


@pytest.mark.parametrize("step", TAKING)
def test_taking_in_goes_on(repo: Repo, tmp_path: Path, shims: Shims, step: str) -> None:
    """P2 for bundles: what was copied is kept, nothing is wrong in between, and nothing is left over."""
    bundle, cache = pack(repo, tmp_path / "b.tar", tar=True), tmp_path / "root" / "hub"
    cache.mkdir(parents=True)
    command = Command(tmp_path / "user", {"HF_HUB_CACHE": str(cache)})

    killed(command, shims, TAKING[step], "bundle", "import", bundle)
    between = wrongs(tmp_path / "root", cache)
    with client_of(cache) as client:
        client.bundles.load(bundle)
        found = client.snapshot("acme/victim")

    assert between == []
    assert contents(found.path) == repo.main
    assert (wrongs(tmp_path / "root", cache), unfinished(cache)) == ([], [])


def test_what_was_copied_is_not_copied_again(repo: Repo, tmp_path: Path, shims: Shims) -> None:
    """Of a content that was half there, only the rest is read."""
    bundle, cache = pack(repo, tmp_path / "b.tar", tar=True), tmp_path / "hub"
    command = Command(tmp_path / "user", {"HF_HUB_CACHE": str(cache)})
    killed(command, shims, "pwrite */data 22 after kill", "bundle", "import", bundle)
    written = sum(each.stat().st_blocks * 512 for each in cache.rglob("*.wb-partial/data"))

    with client_of(cache) as client:
        taken = client.bundles.load(bundle)

    resumed = max(each.bytes_resumed for each in taken.files if each.name == WEIGHTS)
    assert resumed >= written - STEP - AHEAD > 0
