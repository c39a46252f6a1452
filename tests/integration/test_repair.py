"""Repairing a cache: what was found is mended by as few bytes as can be, and nothing else is touched."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.command import Command, wait_for
from tests.support.fault_hub import FaultHub
from tests.support.faults import Status
from tests.support.hub.addresses import file_path
from tests.support.hub.calls import COMMIT, EARLIER, GRAPH, NOTES, WEIGHTS, hub_options, one_by_one, snapshot
from tests.support.hub.damages import (
    APART,
    FOLDER,
    LEFT,
    MENDABLE,
    NOTED,
    SIZE,
    Damage,
    Place,
    astray,
    blank,
    marker_denies,
    patient,
    picture,
    ref_with_newline,
    shared_lost,
    times,
    told,
)
from tests.support.hub_repos import Repo
from weighbridge.client import Client
from weighbridge.core.errors import OfflineModeIsEnabled
from weighbridge.core.findings import Repair
from weighbridge.core.options import CacheOptions, Options
from weighbridge.core.pieces import PIECE
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock
from weighbridge.store.cache.pieces import manifest_file
from weighbridge.store.cache.room.aside import set_aside


@pytest.fixture(scope="module")
def repo() -> Repo:
    """Its largest file has three pieces."""
    return patient()


@pytest.fixture(scope="module")
def hub(repo: Repo) -> Iterator[FaultHub]:
    """A Hub that has all of it."""
    with FaultHub(repo) as running:
        yield running


@pytest.fixture(scope="module")
def whole(hub: FaultHub, repo: Repo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache that was filled by downloads."""
    root = tmp_path_factory.mktemp("whole") / "hub"
    for revision in ("v1.0", "main"):
        snapshot(hub_options(hub, root), repo, revision=revision)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def place(whole: Path, repo: Repo, tmp_path: Path) -> Place:
    """A copy of it."""
    return copy(whole, repo, tmp_path)


def copy(whole: Path, repo: Repo, directory: Path) -> Place:
    root = directory / "hub"
    shutil.copytree(whole, root, symlinks=True)
    return Place(root, repo)


def repair(options: Options, *repos: str, complete: bool = False) -> Repair:
    with Client(options) as client:
        return client.cache.repair(*repos, complete=complete)


def offline(hub: FaultHub, root: Path) -> Options:
    return hub_options(hub, root, hub_changes={"offline": True})


@pytest.mark.parametrize("damage", MENDABLE)
def test_each_fault_is_mended_and_nothing_else(hub: FaultHub, place: Place, damage: Damage) -> None:
    """Afterwards the cache is what it was, to the byte, and what was right was not even touched."""
    before, then = picture(place.root), times(place.root)
    expected = damage(place)
    damaged = {path for path in {**then, **times(place.root)} if then.get(path) != times(place.root).get(path)}

    done = repair(hub_options(hub, place.root))

    assert done.is_right
    assert told(done.verification.findings, place.root) == sorted(expected)
    assert picture(place.root) == before
    assert {path: at for path, at in times(place.root).items() if path not in damaged}.items() <= then.items()
    assert repair(offline(hub, place.root)).verification.findings == ()


@pytest.mark.parametrize("damage", LEFT)
def test_what_may_be_somebody_s_is_left_and_told(hub: FaultHub, place: Place, damage: Damage) -> None:
    """Better a fault that stays than a file that is gone."""
    expected = damage(place)
    before = picture(place.root), times(place.root)

    done = repair(hub_options(hub, place.root))

    assert not done.is_right
    assert done.mended == ()
    assert told([each.finding for each in done.left], place.root) == sorted(expected)
    assert all(each.why for each in done.left)
    assert (picture(place.root), times(place.root)) == before


@pytest.mark.parametrize("damage", [each for each in NOTED if each.__name__ != "untagged"])
def test_what_harms_nobody_is_left(hub: FaultHub, place: Place, damage: Damage) -> None:
    """Clearing up is another command."""
    damage(place)
    before = picture(place.root), times(place.root)

    done = repair(hub_options(hub, place.root))

    assert (done.is_right, done.mended) == (True, ())
    assert (picture(place.root), times(place.root)) == before


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages=st.sets(st.sampled_from(APART), min_size=2, max_size=5))
def test_any_faults_together_are_found_and_mended(
    hub: FaultHub, whole: Path, repo: Repo, tmp_path_factory: pytest.TempPathFactory, damages: set[Damage]
) -> None:
    """Disks do not break in the order of a test suite."""
    place = copy(whole, repo, tmp_path_factory.mktemp("random"))
    before = picture(place.root)
    expected = sorted({found for damage in sorted(damages, key=APART.index) for found in damage(place)})

    done = repair(hub_options(hub, place.root))
    again = repair(offline(hub, place.root))

    assert told(done.verification.findings, place.root) == expected
    assert done.is_right
    assert picture(place.root) == before
    assert again.verification.findings == ()
    shutil.rmtree(place.root)


def test_flipped_bit_costs_one_piece(hub: FaultHub, place: Place) -> None:
    """And not the 9 MB around it."""
    with place.blob(WEIGHTS).open("r+b") as file:
        file.seek(PIECE + 5)
        file.write(b"?")
    before = hub.file_bytes

    done = repair(one_by_one(hub, place.root))

    assert [each.how for each in done.mended] == ["1 of 3 pieces fetched"]
    assert hub.file_bytes - before == PIECE
    assert place.blob(WEIGHTS).read_bytes() == place.repo.main[WEIGHTS]


def test_content_of_another_repository_is_taken_offline(hub: FaultHub, place: Place) -> None:
    """What is on this disk need not come over the network, and on a plane can't."""
    twin = place.root / "models--acme--twin"
    shutil.copytree(place.folder, twin, symlinks=True)
    place.blob(WEIGHTS).write_bytes(b"?" * SIZE)

    done = repair(offline(hub, place.root))

    assert [each.how for each in done.mended] == ["linked from models/acme/twin"]
    assert place.blob(WEIGHTS).read_bytes() == place.repo.main[WEIGHTS]


def test_what_a_killed_removal_has_set_aside_is_put_back(hub: FaultHub, place: Place) -> None:
    """It is all there, and nobody else will ever look for it."""
    before = picture(place.root)
    set_aside(place.blob(WEIGHTS))

    done = repair(offline(hub, place.root))

    assert told(done.verification.findings, place.root) == [
        ("dangling", "file", f"{FOLDER}/snapshots/{COMMIT}/{WEIGHTS}"),
        ("unfinished", "partial", f"{FOLDER}/.weighbridge/removed/blobs/{place.name(WEIGHTS)}"),
    ]
    assert done.is_right
    assert picture(place.root) == before


def test_what_can_t_be_had_offline_is_left_and_the_rest_is_mended(hub: FaultHub, place: Place) -> None:
    """One thing that needs the network must not keep others broken that do not."""
    place.blob(WEIGHTS).write_bytes(b"?" * SIZE)
    (place.folder / "refs" / "main").write_text(f"{COMMIT}\n")
    (place.folder / "trees" / f"{EARLIER}.json").write_text("")

    done = repair(offline(hub, place.root))

    assert [(each.finding.path, type(each.error)) for each in done.left] == [
        (place.blob(WEIGHTS), OfflineModeIsEnabled)
    ]
    assert [each.how for each in done.mended] == ["removed", "written anew"]
    assert (place.folder / "refs" / "main").read_text() == COMMIT


@pytest.mark.parametrize(("gone", "had"), [(WEIGHTS, NOTES), (NOTES, WEIGHTS)])
def test_content_that_the_hub_has_no_more_keeps_no_other_broken(
    hub: FaultHub, place: Place, gone: str, had: str
) -> None:
    """Each is tried for itself, whichever fails first."""
    for path in (gone, had):
        place.blob(path).write_bytes(b"?")

    with refused(hub, place, gone, COMMIT, EARLIER):
        done = repair(hub_options(hub, place.root))

    assert [each.finding.path for each in done.left] == [place.blob(gone)]
    assert [each.finding.path for each in done.mended] == [place.blob(had)]


def test_commit_that_has_vanished_is_no_loss_if_another_has_the_file(hub: FaultHub, place: Place) -> None:
    """Histories are rewritten, and files stay the same."""
    place.blob(NOTES).write_bytes(b"?")

    with refused(hub, place, NOTES, COMMIT):
        done = repair(hub_options(hub, place.root))

    assert done.is_right
    assert place.blob(NOTES).read_bytes() == place.repo.main[NOTES]


@contextmanager
def refused(hub: FaultHub, place: Place, path: str, *commits: str) -> Iterator[None]:
    """Let the Hub have a file of some commits no more."""
    for each in commits:
        hub.on(path=file_path(place.repo, path, each), fault=Status(404))
    try:
        yield
    finally:
        hub.clear_rules()


def test_file_that_its_snapshot_lacks_is_fetched_if_all_are_demanded(hub: FaultHub, place: Place) -> None:
    """As a patterned download that turned out to be too little."""
    before = picture(place.root)
    place.pointer("vocab.txt").unlink()
    place.pointer("vocab.txt", EARLIER).unlink()
    place.blob("vocab.txt").unlink()

    done = repair(hub_options(hub, place.root), complete=True)

    assert done.is_right
    assert picture(place.root) == before


def test_damage_that_nothing_leads_to_is_removed(hub: FaultHub, place: Place) -> None:
    """Nobody knows where to fetch it from, and an older client would link it unread."""
    stray = place.folder / "blobs" / ("ab" * 32)
    stray.write_bytes(b"something else")

    done = repair(hub_options(hub, place.root))

    assert [each.how for each in done.mended] == ["removed"]
    assert not stray.exists()


def test_what_somebody_is_fetching_is_left_alone(hub: FaultHub, place: Place) -> None:
    """It will be right in a moment, and two who write it are one too many."""
    place.blob(GRAPH).unlink()
    (place.folder / "refs" / "next").write_text("c" * 40)
    gate = BlobLock(CacheFolder(place.root, RepoId.parse("acme/victim")), place.name(GRAPH))
    assert gate.try_enter()

    try:
        done = repair(hub_options(hub, place.root))
    finally:
        gate.leave()

    assert {each.finding.path for each in done.left} == {
        place.pointer(GRAPH),
        place.pointer(GRAPH, EARLIER),
        place.folder / "refs" / "next",
    }
    assert all("somebody is fetching" in each.why for each in done.left)


@pytest.mark.parametrize("after", [0, 3_000_000, 9_000_000])
def test_killed_repair_is_gone_on_with(hub: FaultHub, place: Place, tmp_path: Path, after: int) -> None:
    """A machine that goes down in the middle of it leaves no new trouble, and what came need not come again."""
    before = picture(place.root)
    for damage in (blank, shared_lost, astray, ref_with_newline, marker_denies):
        damage(place)
    manifest_file(place.folder, place.name(WEIGHTS)).unlink()
    line = ("cache", "repair", "--cache-dir", place.root, "--endpoint", hub.origin)
    path, sent = hub.cdn_path(place.repo, WEIGHTS), hub.file_bytes

    with hub.cdn.gate(path, after=after) as gate:
        process = Command(tmp_path).start(*line)
        gate.wait_reached()
        process.kill()
        wait_for(process)
    done = Command(tmp_path).run(*line)

    rests = {each: what for each, what in picture(place.root).items() if each.endswith(".wb-claim")}  # prune's business
    assert done.code == 0, done.err
    assert picture(place.root) == {**before, **rests}
    assert hub.file_bytes - sent <= SIZE + 8 * 1024 * 1024


def test_plain_file_of_a_snapshot_is_mended_in_its_place(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """Where there are no links."""
    root = tmp_path / "hub"
    options = replace(one_by_one(hub, root), cache=CacheOptions(root=root, symlinks=False))
    path = snapshot(options, repo).path / WEIGHTS
    with path.open("r+b") as file:
        file.write(b"?")

    done = repair(options)

    assert [each.how for each in done.mended] == ["1 of 3 pieces fetched"]
    assert path.read_bytes() == repo.main[WEIGHTS]
    assert repair(options).verification.findings == ()


@pytest.mark.parametrize("is_of_another", [True, False])
def test_content_that_others_share_is_replaced_and_not_written_to(
    hub: FaultHub, place: Place, is_of_another: bool
) -> None:
    """It may be many repositories'; if it is nobody's any more it goes, or newer clients would hand on the damage."""
    blob, content = place.blob(WEIGHTS), place.root / "blobs" / "ab" / ("ab" * 32)
    content.parent.mkdir(parents=True)
    (place.root / "blobs" / ".huggingface-shared-blobs").write_text("1\n")
    blob.unlink()
    blob.symlink_to(f"../../blobs/ab/{content.name}")
    content.write_bytes(b"?" + place.repo.main[WEIGHTS][1:])
    other = place.root / "models--org--other" / "blobs" / blob.name
    if is_of_another:
        other.parent.mkdir(parents=True)
        other.symlink_to(content)
    references = [f"{FOLDER}/blobs/{blob.name}", f"{other.relative_to(place.root)}"]
    content.with_name(f"{content.name}.refs").write_text("".join(f"{each}\n" for each in references))

    done = repair(hub_options(hub, place.root), "acme/victim")

    assert done.is_right
    assert place.pointer(WEIGHTS).read_bytes() == place.repo.main[WEIGHTS]
    assert content.exists() == is_of_another
    assert not is_of_another or content.read_bytes()[:1] == b"?"


def test_command_tells_what_it_has_done(hub: FaultHub, place: Place, tmp_path: Path) -> None:
    """To people with figures, to programs with all of them."""
    with place.blob(WEIGHTS).open("r+b") as file:
        file.write(b"?")
    command, where = Command(tmp_path), ("--cache-dir", place.root, "--endpoint", hub.origin)

    dry = command.run("cache", "repair", *where, "--dry-run")
    refused = command.run("cache", "repair", *where, "--offline", "--json")
    text = command.run("cache", "repair", *where, "--connections", "1")

    assert dry.code == 0
    assert "to do: have the right bytes" in dry.out
    assert (refused.code, refused.event("left")["error"]) == (7, "OfflineModeIsEnabled")
    assert {"mended": 0, "left": 1, "faults": 1, "exit_code": 7}.items() <= refused.event("summary").items()
    assert text.code == 0
    assert "1 of 3 pieces fetched, 4.19 MB" in text.out
    assert "1 mended, 4.19 MB fetched, all is right" in text.err


def test_hub_that_is_not_there_gives_the_code_of_a_failed_transfer(place: Place, tmp_path: Path) -> None:
    """Scripts try again after that one."""
    place.blob(NOTES).unlink()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    found = Command(tmp_path).run(
        *("cache", "repair", "--cache-dir", place.root, "--endpoint", f"http://127.0.0.1:{port}", "--retries", "0")
    )

    assert found.code == 3
    assert "left: " in found.out
