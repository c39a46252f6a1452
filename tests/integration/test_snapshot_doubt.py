"""What is here and can't be taken for granted: plain files, a folder of another revision, content without a digest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.disks import on_small_disk
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, WEIGHTS, download, hub_options, snapshot
from tests.support.hub_repos import Repo
from tests.support.origin.faultbase import BlindFault
from tests.support.origin.replies import Reply
from weighbridge.client import Client
from weighbridge.core.errors import LocalEntryNotFoundError
from weighbridge.core.options import Options
from weighbridge.core.repos import Kind, RepoId
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.refs import read_ref
from weighbridge.store.layout import Place


def offline(options: Options) -> Options:
    """Return the same without a network."""
    return replace(options, offline=True)


def undo_links(cache: Path, repo: Repo) -> Path:
    """Put plain files in the place of a snapshot's links, as copying a cache can do; return the snapshot."""
    folder = CacheFolder(cache, RepoId(Kind.MODEL, repo.name))
    place = folder.snapshot(COMMIT)
    shutil.copytree(place, place.with_name("copy"), symlinks=False)
    shutil.rmtree(place)
    place.with_name("copy").rename(place)
    shutil.rmtree(folder.blobs)
    shutil.rmtree(folder.path / "trees")
    shutil.rmtree(folder.own)
    return place


def test_plain_file_of_a_snapshot_is_compared_with_what_the_hub_tells(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A copied cache would be believed for ever, whatever has become of its files."""
    options = hub_options(hub, root / "hub")
    snapshot(options, repo)
    place = undo_links(root / "hub", repo)
    (place / "vocab.txt").write_bytes(bytes(len(repo.main["vocab.txt"])))

    whole = download(options, repo, "config.json", revision=COMMIT)
    mended = download(options, repo, "vocab.txt", revision=COMMIT)

    assert (whole.read_bytes(), mended.read_bytes()) == (repo.main["config.json"], repo.main["vocab.txt"])


def test_plain_file_that_nobody_can_judge_is_given_with_a_notice(
    hub: FaultHub, repo: Repo, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Offline there is nothing to compare it with, and the caller would not know."""
    options = hub_options(hub, root / "hub")
    snapshot(options, repo)
    undo_links(root / "hub", repo)

    found = download(offline(options), repo, "config.json", revision=COMMIT)

    assert found.read_bytes() == repo.main["config.json"]
    assert "nobody can tell" in caplog.text


def test_plain_file_of_our_own_is_judged_by_its_receipt(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Where there are no links, offline, a cut file would be given."""
    options = hub_options(hub, root / "hub")
    options = replace(options, cache=replace(options.cache, symlinks=False))
    result = snapshot(options, repo)
    shutil.rmtree(CacheFolder(root / "hub", RepoId(Kind.MODEL, repo.name)).path / "trees")

    assert download(offline(options), repo, WEIGHTS, revision=COMMIT) == result.path / WEIGHTS


def test_folder_does_not_answer_for_another_revision(hub: FaultHub, repo: Repo, root: Path) -> None:
    """An old model would be run in the belief that it is the new one."""
    options, where = hub_options(hub, root / "hub"), {"local_dir": root / "local"}
    download(options, repo, "config.json", revision="v1.0", **where)

    assert download(offline(options), repo, "config.json", revision="v1.0", **where).read_bytes() == b"{}\n"
    with pytest.raises(LocalEntryNotFoundError):
        download(offline(options), repo, "config.json", revision="main", **where)


def test_folder_does_not_answer_for_another_repository(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Two models in one folder would be taken for each other."""
    options, where = hub_options(hub, root / "hub"), {"local_dir": root / "local"}
    download(options, repo, "config.json", **where)

    with pytest.raises(LocalEntryNotFoundError):
        download(offline(options), replace(repo, name="acme/other"), "config.json", **where)


def test_folder_that_was_updated_is_whole_offline(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A file that the new commit has no more would make the rest of the folder useless."""
    options, where = hub_options(hub, root / "hub"), {"local_dir": root / "local"}
    snapshot(options, repo, revision="v1.0", **where)
    snapshot(options, repo, revision="main", **where)

    result = snapshot(offline(options), repo, revision="main", **where)

    assert (result.commit, len(result.files)) == (COMMIT, len(repo.main))


def test_content_is_fetched_once_for_all_its_names_in_a_folder(root: Path) -> None:
    """Four names of one file of weights would be four downloads."""
    content = os.urandom(200_000)
    names = ["a.safetensors", "b.safetensors", "sub/c.safetensors"]
    repo = Repo(kind="model", name="acme/same", commits={COMMIT: dict.fromkeys(names, content)}, refs={"main": COMMIT})
    with FaultHub(repo) as hub:
        result = snapshot(hub_options(hub, root / "hub"), repo, local_dir=root / "local")

        assert hub.file_bytes == len(content)
    assert [each.path.read_bytes() == content for each in result.files] == [True] * 3


def test_room_is_counted_for_each_name_in_a_folder(root: Path) -> None:
    """The disk would be found full in the middle."""
    files = dict.fromkeys(["a.safetensors", "b.safetensors"], bytes(700_000))
    repo = Repo(kind="model", name="acme/same", commits={COMMIT: files}, refs={"main": COMMIT})
    place = root / "local"
    place.mkdir()
    with FaultHub(repo) as hub:
        command = ["download", repo.name, "--local-dir", str(place), "--endpoint", hub.origin]
        done = subprocess.run(
            [*on_small_disk(place, 1_048_576), sys.executable, "-m", "weighbridge", *command],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HF_HOME": str(root / "home"), "HOME": str(root)},
            timeout=30,
            check=False,
        )

        assert (done.returncode, hub.file_bytes) == (6, 0), done.stderr


class OneTagForAll(BlindFault):
    """A server whose ETags are made of time and size, and so may be those of another file, too."""

    def alter(self, reply: Reply) -> Reply:
        """Give every file the same ETag."""
        return reply.with_headers({"ETag": '"65f1c0de-5"'}) if reply.header("ETag") else reply


def test_files_with_one_etag_are_not_taken_for_each_other(root: Path) -> None:
    """One file's bytes would be given as another's: an ETag tells contents apart at one address only."""
    files = {"a.txt": b"AAAA\n", "b.txt": b"BBBB\n"}
    repo = Repo(kind="model", name="acme/tags", commits={COMMIT: files}, refs={"main": COMMIT})
    with FaultHub(repo) as hub:
        hub.always(OneTagForAll())
        options = hub_options(hub, root / "hub")

        found = {name: download(options, repo, name) for name in files}
        again = {name: download(options, repo, name).read_bytes() for name in files}

    assert {name: path.read_bytes() for name, path in found.items()} == files
    assert again == files
    assert {name: download(offline(options), repo, name).read_bytes() for name in files} == files


def test_later_call_that_ended_first_keeps_its_ref(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A slow call would set a branch back, for everybody who works offline."""
    options, folder = hub_options(hub, root / "hub"), CacheFolder(root / "hub", RepoId(Kind.MODEL, repo.name))
    hub.move(repo, "main", EARLIER)
    with Client(options) as client:

        def move_on(event: object) -> None:
            if read_ref(folder, "main") is None:
                hub.move(repo, "main", COMMIT)
                snapshot(options, repo, allow_patterns="vocab.txt")

        client.snapshot(repo.name, allow_patterns="config.json", observer=move_on)

    assert read_ref(folder, "main") == COMMIT


def test_partial_that_nobody_wants_any_more_goes_after_a_week(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A branch moves on, and gigabytes of what it was would stay for ever."""
    options = hub_options(hub, root / "hub")
    blobs = CacheFolder(root / "hub", RepoId(Kind.MODEL, repo.name)).blobs
    snapshot(options, repo)
    old, young = (Place(blobs / (name * 64)).new_partial() for name in "ef")
    for place, age_s in ((old, 8 * 86_400), (young, 60)):
        place.mkdir()
        (place / "data").write_bytes(b"x")
        for each in (place / "data", place):
            os.utime(each, (time.time() - age_s,) * 2)

    snapshot(options, repo)

    assert (old.exists(), young.exists()) == (False, True)
