"""A cache of several users: what others may read and write there, and what happens where that is forbidden."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command import Command, Outcome
from tests.support.disks import on_read_only_disk
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, WEIGHTS, unfinished, wrongs
from tests.support.hub_repos import Repo, blob_name, contents

OTHER, GROUP = 1001, 2001
CONFIG = "config.json"
ORDINARY = ("setpriv", f"--groups={GROUP}", "--bounding-set=-dac_override,-dac_read_search,-fowner")
"""What makes root somebody to whom modes apply; others' files are given to others beforehand."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Runs the command on a cache that others may own.

    Attributes:
        cache: Theirs and ours.
        endpoint: Of the Hub.
    """

    cache: Path
    endpoint: str

    def download(self, *arguments: object, umask: int = 0o022, via: Sequence[str] = ()) -> Outcome:
        """Download from the victim's repository.

        Args:
            arguments: Of the command, behind the repository.
            umask: Of its process.
            via: Command that runs it.
        """
        kept = {"HF_HUB_CACHE": str(self.cache), "HF_ENDPOINT": self.endpoint}
        command = Command(self.cache.parent / "user", kept)
        done = subprocess.run(
            [*via, *command.line("download", "acme/victim", *arguments, "--quiet")],
            capture_output=True,
            env=command.environment,
            timeout=30,
            check=False,
            text=True,
            umask=umask,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def give_away(self, mode: int) -> None:
        """Let all of the cache belong to another user, and to a group; directories get ``mode``."""
        for each in (self.cache, *self.cache.rglob("*")):
            os.chown(each, OTHER, GROUP, follow_symlinks=False)
            if each.is_dir() and not each.is_symlink():
                each.chmod(mode)


@pytest.fixture
def machine(hub: FaultHub, tmp_path: Path) -> Machine:
    """A machine with one Hub."""
    return Machine(tmp_path / "hub", hub.origin)


@pytest.fixture
def several(machine: Machine) -> Machine:
    """The same, where files can be given to others."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files to others")
    return machine


def modes(root: Path, is_wanted: Callable[[Path], bool]) -> set[str]:
    return {oct(stat.S_IMODE(each.stat().st_mode)) for each in root.rglob("*") if is_wanted(each)}


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_files_may_be_used_by_whom_the_umask_says(machine: Machine, umask: int) -> None:
    """Blobs, refs, listings, receipts; locks are everybody's, as every client must be able to take them."""
    done = machine.download(umask=umask)

    def is_lock(path: Path) -> bool:
        return ".locks" in path.parts and path.is_file()

    assert done.code == 0, done.err
    assert modes(machine.cache, lambda path: path.is_file() and not is_lock(path)) == {oct(0o666 & ~umask)}
    assert modes(machine.cache, lambda path: path.is_dir()) == {oct(0o777 & ~umask)}
    assert modes(machine.cache, is_lock) <= {oct(0o664)}


def test_what_belongs_to_another_is_read_and_not_written(several: Machine, hub: FaultHub, repo: Repo) -> None:
    """By commit it costs no request, by branch one; who wants more is told what is forbidden."""
    several.download("--include", "*.json")
    several.give_away(0o755)
    asked = len(hub.requests)

    by_commit = several.download(CONFIG, "--revision", COMMIT, via=ORDINARY)
    before = len(hub.requests)
    by_branch = several.download("--include", "*.json", via=ORDINARY)
    after = len(hub.requests)
    more = several.download(via=ORDINARY)

    assert (by_commit.code, by_branch.code, more.code) == (0, 0, 5)
    assert contents(by_branch.out.strip()) == {CONFIG: repo.main[CONFIG]}
    assert (before - asked, after - before) == (0, 1)
    assert "ermission denied" in more.err


def test_users_of_a_group_fill_one_cache(several: Machine, repo: Repo, hub: FaultHub) -> None:
    """Each goes on from what the other has: what did not change is fetched once."""
    several.download("--revision", "v1.0", umask=0o002)
    several.give_away(0o2775)

    newer = several.download(umask=0o002, via=ORDINARY)
    older = several.download("--revision", "v1.0", umask=0o002, via=ORDINARY)

    different = {content for files in repo.commits.values() for content in files.values()}
    assert (newer.code, older.code) == (0, 0), newer.err
    assert contents(newer.out.strip()) == repo.main
    assert contents(older.out.strip()) == repo.at("v1.0")
    assert hub.file_bytes == sum(map(len, different))
    assert (wrongs(several.cache, several.cache), unfinished(several.cache)) == ([], [])


def test_what_the_group_gets_is_the_groups(several: Machine) -> None:
    """Everything that is new can be written to by the next user of the group, too."""
    several.download(CONFIG, umask=0o002)
    several.give_away(0o2775)

    several.download(umask=0o002, via=ORDINARY)

    new = [each for each in several.cache.rglob("*") if each.lstat().st_uid == 0 and not each.is_symlink()]
    assert new
    assert [each for each in new if not each.stat().st_mode & stat.S_IWGRP] == []
    assert {each.stat().st_gid for each in new} == {GROUP}


def test_blob_that_only_another_may_read_is_replaced(several: Machine, repo: Repo) -> None:
    """As 0.9 leaves them: nobody else could use them."""
    several.download(CONFIG, umask=0o002)
    blob = several.cache / "models--acme--victim" / "blobs" / blob_name(CONFIG, repo.main[CONFIG])
    blob.chmod(0o600)
    several.give_away(0o2775)

    done = several.download(CONFIG, umask=0o002, via=ORDINARY)

    assert done.code == 0, done.err
    assert Path(done.out.strip()).read_bytes() == repo.main[CONFIG]
    assert blob.stat().st_uid == 0


def test_read_only_cache_serves_what_it_has(machine: Machine, hub: FaultHub, repo: Repo) -> None:
    """As on a mounted image: all of it by branch and by commit, and with nobody to ask."""
    machine.download()
    via = on_read_only_disk(machine.cache)
    sent = hub.file_bytes

    found = [
        machine.download(via=via),
        machine.download("--revision", COMMIT, via=via),
        machine.download("--offline", via=via),
        machine.download(WEIGHTS, via=via),
    ]

    assert [each.code for each in found] == [0, 0, 0, 0], found
    assert contents(found[0].out.strip()) == repo.main
    assert hub.file_bytes == sent


def test_read_only_cache_that_lacks_something_is_an_error(machine: Machine, hub: FaultHub) -> None:
    """One that says so, before a byte of it was asked for."""
    machine.download()
    sent = hub.file_bytes

    done = machine.download("--revision", EARLIER, via=on_read_only_disk(machine.cache))

    assert done.code == 5
    assert "ead-only" in done.err
    assert hub.file_bytes == sent
