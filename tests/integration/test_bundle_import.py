"""Taking in a bundle: what was packed is in the cache, verified; what lies is refused and written nowhere."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundles import archive_of, client_of, locked, member, pack
from tests.support.command import Command
from tests.support.disks import on_read_only_disk, on_small_disk
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, NOTES, WEIGHTS, hub_options, snapshot, unfinished, wrongs
from tests.support.hub_repos import Repo, awkward_model, blob_name, contents
from weighbridge.core.digests import Digest
from weighbridge.core.errors import BundleError, DiskFullError, IncompleteSnapshotError, StoreError
from weighbridge.core.events import Event, Notice
from weighbridge.core.locks import LockedDownload, LockFile
from weighbridge.core.names import RelativeName

VICTIM = "acme/victim"
TOOL = b"#!/bin/sh\n"


@pytest.fixture
def bundle(repo: Repo, tmp_path: Path) -> Path:
    return pack(repo, tmp_path / "bundle")


@pytest.fixture
def cache(root: Path) -> Path:
    """A cache on another machine: empty, alone in its directory."""
    return root / "hub"


def weights_of(repo: Repo) -> str:
    """Return what the content of the weights is called."""
    return f"contents/sha256-{blob_name(WEIGHTS, repo.main[WEIGHTS])}"


def rewrite(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let a bundle tell something else of itself."""
    found = json.loads((bundle / "bundle.json").read_bytes())
    change(found)
    (bundle / "bundle.json").write_text(json.dumps(found), encoding="utf-8")


@pytest.mark.parametrize("form", ["directory", "archive", "parts", "parts in another order", "list of parts"])
def test_snapshots_are_the_same_on_the_other_side(
    repo: Repo, tmp_path: Path, root: Path, cache: Path, form: str
) -> None:
    """Both commits, their branch and their tag, whatever carried them."""
    split = 60_000 if "parts" in form else None
    first = pack(repo, tmp_path / "bundle", tar=form != "directory", split=split)
    parts = sorted(each for each in tmp_path.glob("bundle.[0-9]*"))
    ways = {"parts in another order": parts[::-1], "list of parts": [tmp_path / "bundle.parts.json"]}

    with client_of(cache) as client:
        client.bundles.load(*ways.get(form, [first]))

        found = {name: contents(client.snapshot(VICTIM, revision=name).path) for name in ("main", "v1.0")}
    assert found == {"main": repo.at("main"), "v1.0": repo.at("v1.0")}
    assert (wrongs(root, cache), unfinished(cache)) == ([], [])


def test_awkward_names_come_through(tmp_path: Path, cache: Path) -> None:
    """What people call their files is theirs to choose."""
    awkward = awkward_model()
    made = pack(awkward, tmp_path / "bundle.tar", tar=True)

    with client_of(cache) as client:
        taken = client.bundles.load(made)

    assert {each.commit: contents(each.path) for each in taken.snapshots} == awkward.commits


def test_listing_comes_along(hub: FaultHub, repo: Repo, tmp_path: Path, cache: Path) -> None:
    """Nobody has to wonder whether files are missing; of a part, it is known that it is one."""
    packed = hub_options(hub, tmp_path / "hub")
    snapshot(packed, repo, allow_patterns=[WEIGHTS])
    with client_of(tmp_path / "hub") as client:
        client.bundles.create(tmp_path / "bundle", VICTIM)

    with client_of(cache) as client:
        client.bundles.load(tmp_path / "bundle")

        with pytest.raises(IncompleteSnapshotError) as caught:
            client.snapshot(VICTIM)
        part = client.snapshot(VICTIM, allow_patterns=[WEIGHTS])
    assert len(caught.value.missing) == 5
    assert contents(part.path) == {WEIGHTS: repo.main[WEIGHTS]}


def test_what_is_here_is_not_read_again(bundle: Path, repo: Repo, cache: Path) -> None:
    """The second call looks at files, and at no content of the bundle."""
    with client_of(cache) as client:
        client.bundles.load(bundle)
        (bundle / weights_of(repo)).write_bytes(bytes(len(repo.main[WEIGHTS])))

        taken = client.bundles.load(bundle)

    assert {each.outcome for each in taken.files} == {"present"}


def test_plan_tells_what_would_be_done_and_does_nothing(bundle: Path, root: Path, cache: Path, repo: Repo) -> None:
    """Not even a directory is made."""
    with client_of(cache) as client:
        plans = client.bundles.plan_load(bundle)

    assert [each.commit for each in plans] == [COMMIT, EARLIER]
    assert plans[0].fetched_size == sum(map(len, repo.main.values()))
    assert list(root.iterdir()) == []


def test_branch_that_is_known_stays_what_it_is(bundle: Path, repo: Repo, cache: Path) -> None:
    """What was learned here may be newer; somebody is told."""
    repo.write_cache(cache)
    ref = cache / "models--acme--victim" / "refs" / "main"
    ref.write_text(EARLIER)
    notices: list[Event] = []

    with client_of(cache) as client:
        client.bundles.load(bundle, observer=notices.append)

    assert ref.read_text() == EARLIER
    told = [each.message for each in notices if isinstance(each, Notice)]
    assert [COMMIT in each and EARLIER in each for each in told] == [True]


def test_files_of_the_project_are_had_there(repo: Repo, tmp_path: Path, cache: Path) -> None:
    """What belongs outside of the cache is where the project wants it, if somebody says where that is."""
    download = LockedDownload(
        path=RelativeName("tools/run.sh"),
        url="https://host/run.sh",
        digest=Digest("md5", hashlib.md5(TOOL).hexdigest()),
    )
    lock = locked(repo, tmp_path / "project", more=LockFile(downloads=(download,)))
    (tmp_path / "project" / "tools").mkdir()
    (tmp_path / "project" / "tools" / "run.sh").write_bytes(TOOL)
    repo.write_cache(tmp_path / "packed")
    with client_of(tmp_path / "packed") as client:
        client.bundles.create(tmp_path / "bundle", lock=lock)
    there = tmp_path / "there"
    there.mkdir()
    shutil.copy(lock, there)
    notices: list[Event] = []

    with client_of(cache) as client:
        client.bundles.load(tmp_path / "bundle", observer=notices.append)
        first = list(there.iterdir())
        taken = client.bundles.load(tmp_path / "bundle", project=there)

    assert [each.name for each in first] == ["weighbridge.lock"]
    assert any(isinstance(each, Notice) and "1 plain file left" in each.message for each in notices)
    assert [each.path for each in taken.downloads] == [there / "tools" / "run.sh"]
    assert (there / "tools" / "run.sh").read_bytes() == TOOL


def offering(repo: Repo, tmp_path: Path, path: str) -> Path:
    """Return a bundle that has a tool for a place in a project."""
    bundle = pack(repo, tmp_path / "offer")
    name = f"contents/sha256-{hashlib.sha256(TOOL).hexdigest()}"
    (bundle / name).write_bytes(TOOL)

    def offer(found: dict[str, Any]) -> None:
        told = {"size": len(TOOL), "sha256": name.rpartition("-")[2]}
        found["members"].append({"name": name, **told})
        place = {"path": path, "url": "https://host/x", "mirrors": []}
        found["downloads"] = [{**place, "size": len(TOOL), "digest": f"sha256:{told['sha256']}"}]

    rewrite(bundle, offer)
    return bundle


@pytest.mark.parametrize("path", [".git/hooks/post-checkout", "weighbridge.toml", "Weighbridge.LOCK", "a/.GIT/config"])
def test_bundle_can_not_say_what_runs_in_a_project(repo: Repo, tmp_path: Path, cache: Path, path: str) -> None:
    """Nor what it needs; whoever carried the bundle may have written its list."""
    bundle, project = offering(repo, tmp_path, path), tmp_path / "project"
    project.mkdir()

    with client_of(cache) as client, pytest.raises(BundleError, match="no place for a file"):
        client.bundles.load(bundle, project=project)

    assert (list(project.iterdir()), cache.exists()) == ([], False)


@pytest.mark.parametrize("mine", [{}, {"run.sh": b"mine"}], ids=["nothing there", "another file there"])
def test_project_has_only_what_its_own_lock_file_asks_for(
    repo: Repo, tmp_path: Path, cache: Path, mine: dict[str, bytes]
) -> None:
    """Everything else is somebody's work, or could be somebody's trap."""
    bundle, project = offering(repo, tmp_path, "run.sh"), tmp_path / "project"
    project.mkdir()
    for name, content in mine.items():
        (project / name).write_bytes(content)

    with client_of(cache) as client:
        with pytest.raises(StoreError, match=r"has run\.sh for .* and no weighbridge\.lock there asks for that"):
            client.bundles.load(bundle, project=project)
        before = {path.name: path.read_bytes() for path in project.iterdir()}
        is_untouched = not cache.exists()
        digest = Digest("sha256", hashlib.sha256(TOOL).hexdigest())
        asked = LockedDownload(path=RelativeName("run.sh"), url="https://host/x", digest=digest)
        locked(repo, project, more=LockFile(downloads=(asked,)))
        client.bundles.load(bundle, project=project / "weighbridge.toml")

    assert (before, is_untouched) == (mine, True)
    assert (project / "run.sh").read_bytes() == TOOL


def test_project_is_in_sync_offline(repo: Repo, tmp_path: Path, cache: Path) -> None:
    """The whole way: locked here, carried there, and there nothing is missing."""
    lock = locked(repo, tmp_path / "project")
    repo.write_cache(tmp_path / "packed")
    with client_of(tmp_path / "packed") as client:
        client.bundles.create(tmp_path / "bundle.tar", lock=lock, tar=True)

    with client_of(cache) as client:
        client.bundles.load(tmp_path / "bundle.tar", project=lock.parent)
        synced = client.projects.sync(lock, locked=True)

    assert [contents(each.path) for each in synced.snapshots] == [{path: repo.main[path] for path in (WEIGHTS, NOTES)}]


def test_two_at_once_are_right(bundle: Path, repo: Repo, root: Path, cache: Path) -> None:
    """Two people on one machine, or one who was impatient."""

    def load(_: int) -> None:
        with client_of(cache) as client:
            client.bundles.load(bundle)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, range(4)))

    with client_of(cache) as client:
        assert contents(client.snapshot(VICTIM).path) == repo.main
    assert (wrongs(root, cache), unfinished(cache)) == ([], [])


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "a byte is another": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("path", [WEIGHTS, NOTES])
def test_damaged_content_is_named_and_gets_no_name(
    bundle: Path, repo: Repo, cache: Path, root: Path, *, path: str, damage: str
) -> None:
    """Digests are compared before anything is published."""
    kind = "sha256" if path == WEIGHTS else "git-sha1"
    content = bundle / "contents" / f"{kind}-{blob_name(path, repo.main[path])}"
    content.write_bytes(DAMAGE[damage](content.read_bytes()))

    with client_of(cache) as client, pytest.raises(BundleError, match=content.name) as caught:
        client.bundles.load(bundle)

    assert "bundle.invalid" not in str(caught.value)
    assert not (cache / "models--acme--victim" / "blobs" / blob_name(path, repo.main[path])).exists()
    assert wrongs(root, cache) == []


@pytest.mark.parametrize("size", [0, 1, -1])
def test_bundle_that_is_not_whole_is_refused_at_once(
    bundle: Path, repo: Repo, root: Path, cache: Path, size: int
) -> None:
    """Before anything is written: a content is missing, too short or too long."""
    content = bundle / weights_of(repo)
    if size == 0:
        content.unlink()
    else:
        content.write_bytes(b"x" * (len(repo.main[WEIGHTS]) + size))

    with client_of(cache) as client, pytest.raises(BundleError, match=content.name):
        client.bundles.load(bundle)

    assert list(root.iterdir()) == []


def test_content_larger_than_the_disk_is_refused_at_once(bundle: Path, repo: Repo, root: Path, cache: Path) -> None:
    """A file of nothing but a hole costs whoever made it nothing."""
    size, content = 1 << 43, bundle / weights_of(repo)
    os.truncate(content, size)

    def swell(found: dict[str, Any]) -> None:
        for each in [*found["repositories"][0]["files"], *found["members"]]:
            if blob_name(WEIGHTS, repo.main[WEIGHTS]) in (each.get("digest", "") + each.get("name", "")):
                each["size"] = size

    rewrite(bundle, swell)

    with client_of(cache) as client, pytest.raises(DiskFullError, match=str(size)[:4]):
        client.bundles.load(bundle)

    assert list(root.iterdir()) == []


@pytest.mark.parametrize("thing", ["link", "pipe", "directory"])
def test_content_that_is_no_plain_file_is_refused(
    bundle: Path, repo: Repo, tmp_path: Path, root: Path, cache: Path, *, thing: str
) -> None:
    """A link might lead to what only this user may read."""
    content = bundle / weights_of(repo)
    content.rename(tmp_path / "elsewhere")
    make = {"link": lambda: content.symlink_to(tmp_path / "elsewhere"), "directory": content.mkdir}
    make.get(thing, lambda: subprocess.run(["mkfifo", content], check=True))()

    with client_of(cache) as client, pytest.raises(BundleError, match=content.name):
        client.bundles.load(bundle)

    assert list(root.iterdir()) == []


def test_missing_part_is_named(repo: Repo, tmp_path: Path, root: Path, cache: Path) -> None:
    """One was left on the desk."""
    pack(repo, tmp_path / "bundle", tar=True, split=60_000)
    (tmp_path / "bundle.002").unlink()

    with client_of(cache) as client, pytest.raises(BundleError, match=r"missing: .*bundle\.002"):
        client.bundles.load(tmp_path / "bundle.001")

    assert list(root.iterdir()) == []


def test_two_truths_about_one_commit_are_refused(
    bundle: Path, hub: FaultHub, repo: Repo, tmp_path: Path, cache: Path
) -> None:
    """The Hub has told what the commit holds; whoever made the bundle says otherwise."""
    snapshot(hub_options(hub, cache), repo, allow_patterns=[NOTES])
    lie = f"contents/sha256-{blob_name(WEIGHTS, repo.at('v1.0')[WEIGHTS])}"

    def swap(found: dict[str, Any]) -> None:
        for each in found["repositories"][0]["files"]:
            if each["path"] == WEIGHTS:
                each["digest"] = lie.partition("/")[2].replace("-", ":")

    rewrite(bundle, swap)

    with client_of(cache) as client, pytest.raises(BundleError, match=f"{WEIGHTS} .*says|says that {WEIGHTS}"):
        client.bundles.load(bundle)

    assert contents(cache / "models--acme--victim" / "snapshots" / COMMIT) == {NOTES: repo.main[NOTES]}


HOSTILE = {
    "a name that leads out": archive_of(member("../evil", b"x")),
    "an absolute name": archive_of(member("/tmp/evil", b"x")),
    "a link": archive_of(member("bundle.json", type=b"2", linkname="/etc/passwd")),
    "a hard link": archive_of(member("contents/x", type=b"1", linkname="/etc/passwd")),
    "a device": archive_of(member("bundle.json", type=b"3", devmajor=1, devminor=3)),
    "a directory": archive_of(member("contents", type=b"5")),
    "a member twice": archive_of(member("bundle.json", b"{}"), member("bundle.json", b"{}")),
    "a list that is deep": archive_of(member("bundle.json", b"[" * 200_000)),
    "a huge number": archive_of(member("bundle.json", b'{"format": ' + b"9" * 9000 + b"}")),
    "a long name": archive_of(member("contents/" + "a" * 300, b"x")),
    "nothing": b"",
    "noise": bytes(range(256)) * 40,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_archive_that_is_none_of_ours_is_refused(tmp_path: Path, root: Path, cache: Path, kind: str) -> None:
    """Nothing of it is unpacked anywhere."""
    (tmp_path / "x.tar").write_bytes(HOSTILE[kind])
    before = sorted(tmp_path.iterdir())

    with client_of(cache) as client, pytest.raises(BundleError, match=r"x\.tar"):
        client.bundles.load(tmp_path / "x.tar")

    assert sorted(tmp_path.iterdir()) == before
    assert list(root.iterdir()) == []


def test_ref_that_leads_out_is_refused(bundle: Path, root: Path, cache: Path) -> None:
    """The words of a bundle become names of files only if they can be."""
    rewrite(bundle, lambda found: found["repositories"][0].update(refs=["../../../evil"]))

    with client_of(cache) as client, pytest.raises(BundleError, match="evil"):
        client.bundles.load(bundle)

    assert list(root.iterdir()) == []


def test_bundle_that_is_not_there_is_told_of(tmp_path: Path, cache: Path) -> None:
    """With its name."""
    with client_of(cache) as client, pytest.raises(StoreError, match="nowhere"):
        client.bundles.load(tmp_path / "nowhere")


def command_of(tmp_path: Path, cache: Path) -> Command:
    return Command(tmp_path / "user", {"HF_HUB_CACHE": str(cache), "COLUMNS": "200"})


def test_full_disk_is_told_before_anything_is_written(bundle: Path, tmp_path: Path, cache: Path) -> None:
    """Nobody waits for half of it."""
    cache.mkdir()
    line = command_of(tmp_path, cache).line("bundle", "import", bundle, "--json")

    done = subprocess.run(
        [*on_small_disk(cache, 200_000), *line],
        env=command_of(tmp_path, cache).environment,
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 6
    assert b"DiskFullError" in done.stdout
    assert b'"listing": "ballast' in done.stdout


def test_bundle_is_read_where_nothing_can_be_written(repo: Repo, tmp_path: Path, cache: Path) -> None:
    """A disc, or a stick with its switch set."""
    (tmp_path / "stick").mkdir()
    bundle = pack(repo, tmp_path / "stick" / "bundle")
    line = command_of(tmp_path, cache).line("bundle", "import", bundle, "--quiet")

    done = subprocess.run(
        [*on_read_only_disk(tmp_path / "stick"), *line],
        env=command_of(tmp_path, cache).environment,
        capture_output=True,
        check=False,
        timeout=30,
    )

    snapshots = cache / "models--acme--victim" / "snapshots"
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [str(snapshots / COMMIT), str(snapshots / EARLIER)]
    assert contents(snapshots / COMMIT) == repo.main
