"""Care of a cache into which others have put what they should not: nothing outside is touched, all is looked at."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.disks import with_limits
from weighbridge.client import Client
from weighbridge.core.digests import new_hasher
from weighbridge.core.findings import Thing, Trouble
from weighbridge.core.options import CacheOptions, HubOptions, Options, RetryOptions, TransferOptions
from weighbridge.store.cache.layout import OWN

COMMIT = "c" * 40
DAY_S = 86_400
MANY, OPEN_FILES = 120, 100


def repository(root: Path, name: str = "name") -> Path:
    """Make the folder of a repository with one file."""
    folder, hasher = root / f"models--org--{name}", new_hasher("git-sha1", len(name))
    hasher.update(name.encode())
    for each in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (folder / each).mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "blobs" / hasher.hexdigest()).write_text(name)
    (folder / "snapshots" / COMMIT / "a").symlink_to(f"../../blobs/{hasher.hexdigest()}")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The directory of a cache, which is not there yet."""
    yield tmp_path / "hub"
    subprocess.run(["rm", "-rf", tmp_path / "hub"], check=True)  # Python 3.11 can't remove what is very deep


@pytest.fixture
def client(root: Path) -> Client:
    """It never uses the network."""
    return Client(Options(cache=CacheOptions(root=root), hub=HubOptions(offline=True)))


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A directory of somebody who does not expect us, with names that we use; all in it is old."""
    place = tmp_path / "victim"
    for name in (
        "staged/letter",
        "pieces/letter.json",
        "removed/photos/1",
        "removed/blobs/thesis",
        "removed/snapshots/x",
    ):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("precious")
        os.utime(place / name, (0, 0))
    return place


def content(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*"))


@pytest.mark.parametrize("part", ["", "/staged", "/pieces", "/removed"])
def test_link_in_the_place_of_our_notes_leads_us_nowhere(client: Client, root: Path, victim: Path, part: str) -> None:
    """Whoever may write to a shared cache would have our files written, and his victim's removed, where he may not."""
    folder, before = repository(root), content(victim)
    (folder / f"{OWN}{part}").parent.mkdir(exist_ok=True)
    (folder / f"{OWN}{part}").symlink_to(f"{victim}{part}")
    (folder / "refs" / "main").write_text(f"{COMMIT}\n")
    (folder / "blobs" / ("e" * 40)).write_text("damaged")

    client.cache.verify()
    client.cache.repair()
    client.cache.prune(older_than_s=0)
    client.cache.remove("org/name")

    assert content(victim) == before


def test_link_to_what_is_no_repository_is_left_as_it_is(client: Client, root: Path, victim: Path) -> None:
    """In there nothing is a cache's, whatever the link is called."""
    before = content(victim)
    root.mkdir()
    (root / "models--org--name").symlink_to(victim)

    done = client.cache.repair()

    assert content(victim) == before
    assert [each.finding.trouble for each in done.left] == [Trouble.FOREIGN]


def test_repository_that_a_link_leads_to_is_looked_after(client: Client, root: Path, tmp_path: Path) -> None:
    """Large ones are moved to other disks in this way."""
    folder = repository(tmp_path / "disk")
    root.mkdir()
    (root / folder.name).symlink_to(folder)
    (folder / "refs" / "main").write_text("nonsense")

    done = client.cache.repair()

    assert (done.is_right, done.verification.contents) == (True, 1)
    assert not (folder / "refs" / "main").exists()


def test_deep_directory_is_no_end_of_a_verification(client: Client, root: Path) -> None:
    """No recursion of ours is that deep."""
    top = repository(root) / "snapshots" / COMMIT
    nest(top, 1200)

    found = client.cache.verify()

    assert (found.is_right, found.contents) == (True, 1)


@pytest.mark.parametrize("place", ["blobs", "snapshots", f"snapshots/{COMMIT}/deep", "refs"])
def test_what_can_not_be_looked_into_is_not_called_right(client: Client, root: Path, place: str) -> None:
    """Nor is what lies in there called missing, and fetched again."""
    folder = repository(root)
    shutil.rmtree(folder / place, ignore_errors=True)
    if place.endswith("deep"):
        nest(folder / place, 2100)
    else:
        (folder / place).symlink_to(place)

    found = client.cache.verify()

    assert not found.is_right
    assert any("can't look into" in each.detail or "a file where" in each.detail for each in found.faults)
    assert all(each.trouble is not Trouble.DANGLING for each in found.findings)


def test_many_repositories_are_mended_with_few_open_files(root: Path, tmp_path: Path) -> None:
    """A cache may have more of them than a process may open files."""
    for number in range(MANY):
        (repository(root, f"r{number}") / "refs" / "main").write_text("nonsense")
    line = Command(tmp_path).line("cache", "repair", "--offline", "--quiet", "--cache-dir", root)

    done = subprocess.run(
        [*with_limits(nofile=OPEN_FILES), *line], env=Command(tmp_path).environment, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not list(root.glob("*/refs/main"))


def test_damage_that_has_come_to_be_needed_is_not_removed(client: Client, root: Path) -> None:
    """Somebody may have linked to it, or have put what is right in its place, while a large cache was read."""
    folder, name = repository(root), "d" * 40
    (folder / "blobs" / name).write_text("damaged")
    found = client.cache.verify()
    (folder / "snapshots" / COMMIT / "b").symlink_to(f"../../blobs/{name}")

    done = client.cache.repair(verification=found)

    assert (folder / "blobs" / name).exists()
    assert [each.finding.thing for each in done.left] == [Thing.BLOB]


def test_hub_that_is_not_there_is_asked_in_vain_once(root: Path) -> None:
    """Each of thousands of contents could take minutes to fail."""
    for number in range(3):
        folder = repository(root, f"r{number}")
        next((folder / "blobs").iterdir()).write_text("damaged")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
    transfer = TransferOptions(retry=RetryOptions(attempts=2, wait_initial_s=0.01))
    options = Options(cache=CacheOptions(root=root), hub=HubOptions(endpoint=origin), transfer=transfer)

    with Client(options) as client:
        done = client.cache.repair()

    assert len({id(each.error) for each in done.left if each.finding.is_fault}) == 1


def nest(top: Path, depth: int) -> None:
    """Make directories in each other, deeper than a path can be long."""
    top.mkdir(exist_ok=True)
    here = os.open(top, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
