"""Verifying a cache: everything that is wrong is found and nothing else, for a stat where nothing has changed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command import Command, wait_for
from tests.support.disks import on_read_only_disk
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, GRAPH, WEIGHTS, hub_options, snapshot, victim
from tests.support.hub.damages import FOLDER, LEFT, MENDABLE, NOTED, SIZE, Damage, Place, patient, picture, times, told
from weighbridge.client import Client
from weighbridge.core.digests import Digest
from weighbridge.core.errors import CacheNotFound, CancelledError, EntryNotFoundError
from weighbridge.core.events import Checking, Event
from weighbridge.core.findings import Thing, Trouble, Verification
from weighbridge.core.options import CacheOptions, Options
from weighbridge.core.pieces import PIECE
from weighbridge.core.ranges import ByteRange
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.audit.checking import Checker
from weighbridge.store.cache.audit.contents import Content
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.pieces import manifest_file
from weighbridge.store.receipts import CacheBook, DirectoryBook, Receipts
from weighbridge.store.sight import see


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache that was filled by downloads."""
    root = tmp_path_factory.mktemp("whole") / "hub"
    with FaultHub(patient()) as hub:
        for revision in ("v1.0", "main"):
            snapshot(hub_options(hub, root), patient(), revision=revision)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Place:
    """A copy of it."""
    root = tmp_path / "hub"
    shutil.copytree(whole, root, symlinks=True)
    return Place(root, patient())


@pytest.fixture(scope="module")
def aged(whole: Path) -> Path:
    """The cache itself, for tests that change nothing but notes, as old as files must be to be noted of."""
    newest_ns = max(each.lstat().st_ctime_ns for each in whole.glob("*/blobs/*"))
    threading.Event().wait(max(0.0, 2.1 - (time.time_ns() - newest_ns) / 1e9))
    return whole


def verify(root: Path, *repos: str, full: bool = False, complete: bool = False) -> Verification:
    with Client(Options(cache=CacheOptions(root=root), offline=True)) as client:
        return client.cache.verify(*repos, full=full, complete=complete)


@pytest.mark.parametrize("damage", [*MENDABLE, *LEFT])
def test_each_fault_is_found_and_nothing_else(place: Place, damage: Damage) -> None:
    """A fault that is passed over is handed out; one that is none costs somebody a morning."""
    expected = damage(place)

    found = verify(place.root)

    assert told(found.findings, place.root) == sorted(expected)
    assert not found.is_right


@pytest.mark.parametrize("damage", NOTED)
def test_what_harms_nobody_is_noted_and_no_fault(place: Place, damage: Damage) -> None:
    """An exit code that is never 0 is one that nobody looks at."""
    expected = damage(place)

    found = verify(place.root)

    assert told(found.findings, place.root) == sorted(expected)
    assert found.is_right


def test_damage_is_named_by_blob_file_and_piece(place: Place) -> None:
    """Whoever has hundreds of gigabytes wants to know what of it not to trust."""
    with place.blob(WEIGHTS).open("r+b") as file:
        file.seek(PIECE + 5)
        file.write(b"?")

    (found,) = verify(place.root).findings

    assert (found.trouble, found.thing, found.path) == (Trouble.DAMAGED, Thing.BLOB, place.blob(WEIGHTS))
    assert (found.files, found.commit, found.piece) == ((WEIGHTS,), COMMIT, ByteRange(PIECE, 2 * PIECE))
    assert (found.repo and found.repo.name, found.size) == ("acme/victim", SIZE)


def test_what_was_downloaded_need_not_be_read(whole: Path) -> None:
    """It was hashed on its way."""
    found = verify(whole)

    assert found.size > SIZE
    assert found.bytes_read == 0


def test_second_verification_reads_nothing(aged: Path) -> None:
    """Otherwise nobody verifies hundreds of gigabytes twice."""
    (aged / FOLDER / ".weighbridge" / "receipts.jsonl").unlink()
    first = verify(aged)

    second = verify(aged)

    assert first.bytes_read == first.size > SIZE
    assert (second.bytes_read, second.size, second.contents) == (0, first.size, first.contents)


def test_full_verification_reads_all(whole: Path) -> None:
    """Receipts are about what a stat tells, and bits may change without one."""
    found = verify(whole, full=True)

    assert found.bytes_read == found.size > SIZE


def damage_in_secret(place: Place) -> Path:
    """Change a bit so that no stat shows it, as a worn disk does: here the receipt is made to fit what is there."""
    blob = place.blob(WEIGHTS)
    with blob.open("r+b") as file:
        file.write(b"?")
    receipts = Receipts(CacheBook(place.root))
    receipts.note(blob, Digest("sha256", blob.name), see(blob), is_flushed=True)
    receipts.save()
    return blob


def test_damage_that_no_stat_shows_is_found_by_reading_all(place: Place) -> None:
    """A disk that forgets bits does not say so."""
    blob = damage_in_secret(place)

    quick, full, again = verify(place.root), verify(place.root, full=True), verify(place.root)

    assert quick.is_right
    assert [each.path for each in full.faults] == [blob]
    assert [each.path for each in again.faults] == [blob]


def test_what_was_found_damaged_is_not_believed_by_the_next_snapshot(place: Place) -> None:
    """Two opinions about one file: the one of whoever read it counts."""
    damage_in_secret(place)
    verify(place.root, full=True)

    with FaultHub(place.repo) as hub:
        found = snapshot(hub_options(hub, place.root), place.repo, revision=COMMIT)

    assert (found.path / WEIGHTS).read_bytes() == place.repo.main[WEIGHTS]


def test_nothing_is_written_but_notes_of_ours(place: Place) -> None:
    """Looking must be safe, whatever is wrong."""
    for damage in (*MENDABLE, *NOTED)[::2]:
        damage(place)
    before = picture(place.root), times(place.root)

    verify(place.root, full=True, complete=True)

    assert (picture(place.root), times(place.root)) == before


def test_reading_notes_what_the_pieces_must_be(place: Place) -> None:
    """What others have fetched can be mended by pieces, too, once it was seen whole."""
    kept = manifest_file(place.folder, place.name(WEIGHTS))
    kept.unlink()

    verify(place.root)

    assert kept.exists()


def test_file_that_its_snapshot_lacks_is_a_fault_if_all_are_demanded(place: Place) -> None:
    """Patterns leave files out on purpose; who wants them all says so."""
    place.pointer("vocab.txt").unlink()

    found = verify(place.root, complete=True)

    assert told(found.faults, place.root) == [("missing", "file", f"{FOLDER}/snapshots/{COMMIT}/vocab.txt")]


def test_damage_that_nothing_leads_to_is_one_fault(place: Place) -> None:
    """Older clients would link it unread."""
    (place.folder / "blobs" / ("ab" * 32)).write_bytes(b"something else")

    found = verify(place.root)

    assert told(found.findings, place.root) == [("damaged", "blob", f"{FOLDER}/blobs/{'ab' * 32}")]


def test_file_under_two_names_is_read_once(place: Place) -> None:
    """A repository that was linked from another costs no second reading, and both are told of."""
    twin = place.root / "models--acme--twin"
    (twin / "snapshots").mkdir(parents=True)
    (twin / "blobs").mkdir()
    os.link(place.blob(WEIGHTS), twin / "blobs" / place.name(WEIGHTS))
    with place.blob(WEIGHTS).open("r+b") as file:
        file.write(b"?")

    found = verify(place.root)

    name = f"blobs/{place.name(WEIGHTS)}"
    assert [each.path for each in found.faults] == [twin / name, place.folder / name]
    assert found.bytes_read == found.size < 2 * SIZE


def test_plain_files_of_snapshots_are_compared_with_the_listing(tmp_path: Path) -> None:
    """Where there are no links, no file's name tells what is in it."""
    repo, root = victim(), tmp_path / "hub"
    with FaultHub(repo) as hub, Client(plain_options(hub, root)) as client:
        path = client.snapshot(repo.name).path
    (path / WEIGHTS).write_bytes(b"?" * len(repo.main[WEIGHTS]))

    found = verify(root)

    assert [(each.thing, each.path, each.files) for each in found.findings] == [
        (Thing.FILE, path / WEIGHTS, (WEIGHTS,))
    ]
    assert found.contents == len(repo.main)


def plain_options(hub: FaultHub, root: Path) -> Options:
    return replace(hub_options(hub, root), cache=CacheOptions(root=root, symlinks=False))


@pytest.mark.parametrize("part", ["", FOLDER, f"{FOLDER}/blobs", f"{FOLDER}/snapshots"])
def test_cache_of_which_a_part_is_on_another_disk_is_right(place: Place, part: str) -> None:
    """Many a cache has moved, and a link has stayed."""
    here, there = place.root / part, place.root.parent / "there"
    here.rename(there)
    here.symlink_to(there)
    if part.endswith("snapshots"):  # then the links in it lead to where the blobs would be
        (there.parent / "blobs").symlink_to(place.folder / "blobs")

    found = verify(place.root)

    assert (found.findings, found.contents) == ((), 8)


def test_content_that_newer_clients_share_is_right_and_damage_to_it_is_found(place: Place) -> None:
    """A link out of a repository is not always one that leads astray."""
    blob, content = place.blob(WEIGHTS), place.root / "blobs" / "ab" / ("ab" * 32)
    content.parent.mkdir(parents=True)
    (place.root / "blobs" / ".huggingface-shared-blobs").write_text("1\n")
    blob.rename(content)
    content.with_name(f"{content.name}.refs").write_text(f"{FOLDER}/blobs/{blob.name}\n")
    blob.symlink_to(f"../../blobs/ab/{content.name}")
    whole = verify(place.root)
    with content.open("r+b") as file:
        file.write(b"?")

    found = verify(place.root)

    assert whole.findings == ()
    assert told(found.findings, place.root) == [("damaged", "blob", f"{FOLDER}/blobs/{blob.name}")]


def test_download_that_is_running_is_no_fault(place: Place, tmp_path: Path) -> None:
    """What is half done is in somebody's hands."""
    repo, root = place.repo, tmp_path / "new"
    root.mkdir()
    with FaultHub(repo) as hub:
        with hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=1_000_000) as gate:
            line = ("download", repo.name, WEIGHTS, "--cache-dir", root, "--endpoint", hub.origin)
            running = Command(tmp_path).start(*line)
            gate.wait_reached()
            (root / FOLDER / "refs").mkdir(exist_ok=True)
            (root / FOLDER / "refs" / "main").write_text(COMMIT)  # as other clients do, before there is a snapshot
            found = verify(root)
        end = wait_for(running)

    rests = [each for each in found.findings if each.trouble is Trouble.UNFINISHED]
    assert end.code == 0, end.err
    assert found.is_right
    assert rests
    assert "somebody is fetching it" in {each.detail for each in rests}
    assert [each for each in rests if "interrupted" in each.detail] == []


def test_only_the_repositories_named_are_looked_at(place: Place) -> None:
    """The rest may be larger than anybody has time for."""
    (place.root / "models--acme--bare").mkdir()
    (place.root / "stranger").mkdir()

    found = verify(place.root, "hf://acme/victim")

    assert (found.findings, found.repos) == ((), 1)


def test_repository_that_is_not_here_is_said_so(place: Place) -> None:
    """A typo must not look like good health."""
    with pytest.raises(EntryNotFoundError, match="acme/vitcim"):
        verify(place.root, "acme/vitcim")


def test_cache_that_is_not_here_is_said_so(tmp_path: Path) -> None:
    """Neither must a wrong directory."""
    with pytest.raises(CacheNotFound):
        verify(tmp_path / "nowhere")


def test_reading_is_told_of_on_the_way(place: Place) -> None:
    """Hundreds of gigabytes take a while."""
    events: list[Event] = []

    with Client(Options(cache=CacheOptions(root=place.root), offline=True)) as client:
        found = client.cache.verify(observer=events.append)

    told_of = [each for each in events if isinstance(each, Checking)]
    assert told_of[-1] == Checking(done=found.bytes_read, size=found.bytes_read, name="")
    assert [each.done for each in told_of] == sorted(each.done for each in told_of)


def test_verification_that_is_stopped_keeps_what_it_knows(aged: Path, tmp_path: Path) -> None:
    """Whoever comes back after a lunch break goes on from there."""
    place, receipts, cancel = (
        Place(aged, patient()),
        Receipts(DirectoryBook(tmp_path / "receipts")),
        threading.Event(),
    )
    endless = tmp_path / "endless"
    with endless.open("wb") as file:
        file.truncate(1 << 40)
    small = content(place.folder, place.blob(GRAPH))

    def stop(event: Event) -> None:
        if receipts.knows(small.path, small.digest):
            cancel.set()

    with pytest.raises(CancelledError):
        Checker(receipts, stop, cancel).run([[content(place.folder, endless)], [small]])

    assert receipts.knows(small.path, small.digest)


def content(folder: Path, path: Path) -> Content:
    """Return a content; of what is not called like its digest, one that it has not."""
    return Content(
        folder=CacheFolder(folder.parent, RepoId.parse("acme/victim")),
        thing=Thing.BLOB,
        path=path,
        digest=Digest("sha256", path.name if len(path.name) == 64 else "0" * 64),
        found=path.stat(),
    )


def test_command_tells_faults_to_people_programs_and_scripts(place: Place, tmp_path: Path) -> None:
    """The same facts in three forms, and one exit code."""
    with place.blob(WEIGHTS).open("r+b") as file:
        file.write(b"?")
    command, where = Command(tmp_path), ("--cache-dir", place.root)

    text, lines, quiet = (command.run("cache", "verify", *where, *more) for more in ((), ("--json",), ("-q",)))

    assert (text.code, lines.code, quiet.code) == (4, 4, 4)
    assert f"damaged blob blobs/{place.name(WEIGHTS)} ({WEIGHTS}), 9.44 MB" in text.out
    assert "piece 1 of 3" in text.out
    assert "weighbridge cache repair" in text.err
    assert lines.event("finding")["path"] == str(place.blob(WEIGHTS))
    assert lines.event("finding")["piece"] == [0, PIECE]
    assert {"faults": 1, "exit_code": 4}.items() <= lines.event("summary").items()
    assert quiet.out.splitlines() == [str(place.blob(WEIGHTS))]


def test_ctrl_c_ends_the_command_in_the_middle_of_a_file(place: Place, tmp_path: Path) -> None:
    """A terabyte is no reason to wait for its end."""
    with (place.folder / "blobs" / ("0" * 64)).open("wb") as file:
        file.truncate(1 << 40)

    process = Command(tmp_path).start("cache", "verify", "--json", "--cache-dir", place.root)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    end = wait_for(process)

    assert first["event"] == "checking"
    assert end.code == 130
    assert {"exit_code": 130}.items() <= end.event("summary").items()


def test_command_says_nothing_is_wrong(place: Place, tmp_path: Path) -> None:
    """As scripts want to hear it."""
    found = Command(tmp_path).run("cache", "verify", "--all", "--cache-dir", place.root)

    assert (found.code, found.out) == (0, "")
    assert "all is right" in found.err


def test_cache_that_can_t_be_written_is_verified_all_the_same(place: Place, tmp_path: Path) -> None:
    """As on clusters, where one fills the cache that all others read."""
    with place.blob(WEIGHTS).open("r+b") as file:
        file.write(b"?")
    command = Command(tmp_path)
    line = command.line("cache", "verify", "--cache-dir", place.root, "-q")

    done = subprocess.run(
        [*on_read_only_disk(place.root), *line], env=command.environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.splitlines()) == (4, [str(place.blob(WEIGHTS))])
