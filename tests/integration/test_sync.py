"""A project is synced: the machine has exactly what was locked, whatever the server says by then."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.calls import names
from tests.support.disks import on_read_only_disk
from tests.support.fault_hub import FaultHub, Tally
from tests.support.fault_server import FaultServer
from tests.support.faults import FlipByte, Status
from tests.support.hub.addresses import file_path, info_path
from tests.support.hub.calls import COMMIT, EARLIER, GRAPH, WEIGHTS, hub_options, snapshot, unfinished, wrongs
from tests.support.hub.lies import ENTRY_NOT_FOUND, GATED, REPO_NOT_FOUND, REVISION_NOT_FOUND, Refused
from tests.support.hub.projecting import ProjectFolder, SyncTask, cache_facts
from tests.support.hub_repos import Repo, contents, small_repo
from tests.support.processes import ClientProcess
from weighbridge.client import Client
from weighbridge.core.errors import (
    GatedRepoError,
    IncompleteSnapshotError,
    LockFileError,
    LockMismatchError,
    LockOutdatedError,
    OfflineError,
    ProjectError,
    RateLimitedError,
    UnsafePathError,
    WeighbridgeError,
)
from weighbridge.core.events import Event, Notice
from weighbridge.core.options import Options
from weighbridge.store.cache.pins import pins_of

DATA = '[[repository]]\nid = "acme/data"\ntype = "dataset"\ndirectory = "data/set"\ninclude = ["data/*"]\n'


@pytest.fixture
def files() -> Iterator[FaultServer]:
    """A server that is no Hub, with one file."""
    with FaultServer({"/extra.bin": b"from anywhere\n"}) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, repo: Repo) -> ProjectFolder:
    """One that needs all of one model."""
    made = ProjectFolder(tmp_path / "project")
    made.write(repo.name)
    return made


@pytest.fixture
def options(hub: FaultHub, root: Path) -> Options:
    return hub_options(hub, root / "hub")


def file_table(server: FaultServer, path: str = "w/extra.bin") -> str:
    url, digest = server.url("/extra.bin"), server.digest("/extra.bin")
    return f'[[file]]\npath = "{path}"\nurl = "{url}"\ndigest = "sha256:{digest}"\n'


def ref_of(cache: Path, name: str = "main") -> str:
    return (cache / "models--acme--victim" / "refs" / name).read_text()


def is_large(path: str) -> bool:
    return path in (WEIGHTS, GRAPH)


class TestWhatIsLocked:
    def test_another_machine_gets_the_identical_tree(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options, *, root: Path
    ) -> None:
        """Blobs, snapshots and refs, long after the branch has moved on: that is what a lock file is for."""
        project.sync(options)
        hub.move(repo, "main", EARLIER)

        project.sync(replace(options, cache=replace(options.cache, root=root / "other")), locked=True)

        assert cache_facts(root / "other") == cache_facts(root / "hub")
        assert contents(root / "other/models--acme--victim/snapshots" / COMMIT) == repo.main
        assert (ref_of(root / "other"), wrongs(root / "other", root / "other")) == (COMMIT, [])

    def test_it_costs_a_request_for_each_file_and_none_later(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, root: Path
    ) -> None:
        """The lock file tells what others ask for."""
        options = hub_options(hub, root / "hub", first_piece=1 << 20)  # each file is one piece
        project.lock(options)

        project.sync(options)
        cold = hub.tally
        project.sync(options)

        asked = [path for path, content in repo.main.items() if content]  # what an empty file holds is known
        assert cold == Tally(info=1, tree=1, get=len(asked), cdn=sum(map(is_large, asked)))
        assert hub.tally == cold

    def test_repositories_of_all_kinds_and_files_from_anywhere_are_had(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options, files: FaultServer
    ) -> None:
        """In the cache, in directories, and where the project says."""
        data = small_repo("dataset", "acme/data")
        hub.serve(data)
        project.write(repo.name, DATA, file_table(files))

        synced = project.sync(options)

        assert contents(project.path / "data/set/data") == {
            path.removeprefix("data/"): content for path, content in data.main.items() if path.startswith("data/")
        }
        assert (project.path / "w/extra.bin").read_bytes() == b"from anywhere\n"
        assert [each.name for each in synced.paths] == ["set", COMMIT, "extra.bin"]
        assert {each.outcome for each in synced.files} == {"fetched"}
        assert {each.outcome for each in project.sync(options).files} == {"present"}

    def test_only_the_files_that_are_wanted_are_had(self, project: ProjectFolder, options: Options, root: Path) -> None:
        """The others may be a hundred times as large."""
        project.write('[[repository]]\nid = "acme/victim"\nrevision = "v1.0"\nexclude = ["*.safetensors", "onnx/"]\n')

        (snap,) = project.sync(options).snapshots

        assert sorted(contents(snap.path)) == ["config.json", "empty.txt", "notes/README.md", "vocab.txt"]
        assert (ref_of(root / "hub", "v1.0"), snap.commit) == (EARLIER, EARLIER)

    def test_half_a_listing_is_not_kept_as_a_whole_one(
        self, repo: Repo, project: ProjectFolder, options: Options
    ) -> None:
        """The next snapshot of all would take it for all there is."""
        project.write('[[repository]]\nid = "acme/victim"\ninclude = ["*.json"]\n')
        project.sync(options)

        result = snapshot(options, repo)

        assert contents(result.path) == repo.main

    def test_change_of_the_project_is_locked_first(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
    ) -> None:
        """One command after editing; what did not change stays at its commit."""
        project.sync(options)
        hub.move(repo, "main", EARLIER)
        other = small_repo("model", "acme/other")
        hub.serve(other)
        project.write(repo.name, other.name)

        synced = project.sync(options)

        assert [each.commit for each in synced.snapshots] == [*other.commits, COMMIT]
        assert synced.locked.changes != ()
        assert project.sync(options, locked=True).locked.changes == ()

    def test_what_is_damaged_here_is_fetched_again(self, repo: Repo, project: ProjectFolder, options: Options) -> None:
        """And nothing else."""
        (snap,) = project.sync(options).snapshots
        blob = (snap.path / WEIGHTS).resolve()
        blob.write_bytes(b"x" + blob.read_bytes()[1:])

        synced = project.sync(options, locked=True)

        assert contents(snap.path) == repo.main
        assert [each.name for each in synced.files if each.outcome == "fetched"] == [WEIGHTS]

    def test_what_is_locked_is_pinned(self, project: ProjectFolder, options: Options, root: Path) -> None:
        """A cache that is full would let it go."""
        project.sync(options)

        assert pins_of(root / "hub") == {("models--acme--victim", COMMIT): (str(project.lock_file),)}

    def test_two_at_once_do_each_other_no_harm(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, root: Path
    ) -> None:
        """A team shares a machine."""
        task = SyncTask(endpoint=hub.origin, cache=str(root / "hub"), project=str(project.path))

        with ClientProcess(task, root.parent / "a") as one, ClientProcess(task, root.parent / "b") as two:
            ends = [one.wait(), two.wait()]

        assert [each.code for each in ends] == [0, 0], [each.errors for each in ends]
        assert contents(root / "hub/models--acme--victim/snapshots" / COMMIT) == repo.main
        assert (wrongs(root, root / "hub"), names(project.path)) == ([], ["weighbridge.lock", "weighbridge.toml"])
        assert hub.file_bytes == sum(map(len, repo.main.values()))

    def test_plan_does_nothing(
        self, project: ProjectFolder, options: Options, *, files: FaultServer, root: Path
    ) -> None:
        """It could not be taken back."""
        project.write("acme/victim", file_table(files))

        with Client(options) as client:
            plan = client.projects.plan_sync(project.path)

        assert {each.name for each in plan.files if not each.is_present} >= {WEIGHTS, "w/extra.bin"}
        assert (names(root), names(project.path)) == ([], ["weighbridge.toml"])


class TestLocked:
    def test_outdated_lock_is_an_error_that_tells_what_changed(
        self, hub: FaultHub, project: ProjectFolder, options: Options, *, root: Path
    ) -> None:
        """CI would build from something that nobody has looked at."""
        project.lock(options)
        project.write("acme/victim", "acme/other")
        before = hub.tally

        with pytest.raises(LockOutdatedError) as caught:
            project.sync(options, locked=True)

        assert caught.value.changes == ("model acme/other at main is not locked",)
        assert (hub.tally, names(root)) == (before, [])

    def test_project_without_a_lock_is_an_error(self, project: ProjectFolder, options: Options) -> None:
        """There is nothing to hold it to."""
        with pytest.raises(LockOutdatedError, match="there is no"):
            project.sync(options, locked=True)

    def test_lock_file_alone_is_enough(self, repo: Repo, project: ProjectFolder, options: Options) -> None:
        """An image needs nothing else."""
        project.lock(options)
        (project.path / "weighbridge.toml").unlink()

        (snap,) = project.sync(options, locked=True).snapshots

        assert contents(snap.path) == repo.main
        with pytest.raises(ProjectError, match="--locked"):
            project.sync(options)

    def test_nothing_at_all_is_an_error(self, options: Options, tmp_path: Path) -> None:
        """It would have synced nothing, and said so to nobody."""
        with pytest.raises(LockFileError), Client(options) as client:
            client.projects.sync(tmp_path, locked=True)


class TestDisagreement:
    def test_changed_byte_is_never_published(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options, *, root: Path
    ) -> None:
        """A mirror that serves one other byte is told from both sides, and the ref does not say that all is here."""
        project.lock(options)
        hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), fault=FlipByte(70_000))

        with pytest.raises(LockMismatchError) as caught:
            project.sync(options, locked=True)

        error, folder = caught.value, root / "hub/models--acme--victim"
        (expected,) = [each for each in project.lock_file.read_text().split('"') if each == str(error.expected)]
        assert (error.name, f"{error.actual}" == expected) == (WEIGHTS, False)
        assert all(f"{each}" in str(error) for each in (WEIGHTS, error.expected, error.actual, repo.name))
        assert not (folder / "snapshots" / COMMIT / WEIGHTS).exists()
        assert not (folder / "refs/main").exists()
        assert wrongs(root, root / "hub") == []

    def test_changed_small_file_is_never_published(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options, *, root: Path
    ) -> None:
        """Git's own files are pinned as well."""
        project.lock(options)
        hub.on(path=file_path(repo, "config.json"), fault=FlipByte(3))

        with pytest.raises(LockMismatchError) as caught:
            project.sync(options, locked=True)

        assert caught.value.name == "config.json"
        assert not (root / "hub/models--acme--victim/snapshots" / COMMIT / "config.json").exists()

    def test_file_of_another_size_is_told_as_such(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
    ) -> None:
        """A whole other file, at the same commit."""
        project.lock(options)
        commits = {COMMIT: {**repo.main, WEIGHTS: b"another\n"}, EARLIER: repo.at(EARLIER)}
        hub.serve(replace(repo, commits=commits))

        with pytest.raises(LockMismatchError) as caught:
            project.sync(options, locked=True)

        assert (caught.value.name, caught.value.expected, caught.value.actual) == (WEIGHTS, len(repo.main[WEIGHTS]), 8)

    def test_changed_file_from_anywhere_is_never_published(
        self, project: ProjectFolder, options: Options, files: FaultServer
    ) -> None:
        """An address promises nothing."""
        project.write("acme/victim", file_table(files))
        project.lock(options)
        files.put("/extra.bin", b"From anywhere\n")

        with pytest.raises(LockMismatchError) as caught:
            project.sync(options, locked=True)

        assert caught.value.name == "w/extra.bin"
        assert not (project.path / "w/extra.bin").exists()

    def test_mirror_saves_a_file_from_anywhere(
        self, project: ProjectFolder, options: Options, files: FaultServer
    ) -> None:
        """That is what it is listed for."""
        mirrors = f'mirrors = ["{files.url("/extra.bin")}"]\n'
        project.write(file_table(files).replace("/extra.bin", "/gone.bin").replace("w/gone", "w/extra") + mirrors)

        project.sync(options)

        assert (project.path / "w/extra.bin").read_bytes() == b"from anywhere\n"

    @pytest.mark.parametrize(
        ("fault", "name", "actual"),
        [
            (REVISION_NOT_FOUND, "acme/victim", EARLIER),
            (REPO_NOT_FOUND, "acme/victim", "nothing of that name"),
            (ENTRY_NOT_FOUND, "config.json", EARLIER),
        ],
        ids=["commit", "repository", "file"],
    )
    def test_what_has_vanished_is_told_from_both_sides(
        self,
        hub: FaultHub,
        repo: Repo,
        project: ProjectFolder,
        options: Options,
        *,
        fault: Refused,
        name: str,
        actual: str,
    ) -> None:
        """Which commit is locked, and what its branch means now."""
        project.lock(options)
        hub.move(repo, "main", EARLIER)
        hub.on(path=f"*/{COMMIT}/config.json", fault=fault)

        with pytest.raises(LockMismatchError) as caught:
            project.sync(options, locked=True)

        error = caught.value
        assert (error.name, error.expected, error.actual) == (name, COMMIT, actual)
        assert COMMIT in str(error)
        assert actual in str(error)

    def test_mirror_that_has_only_a_part_is_told_from_a_commit_that_is_gone(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
    ) -> None:
        """To upgrade would change nothing."""
        project.lock(options)
        hub.on(path=file_path(repo, "config.json"), fault=ENTRY_NOT_FOUND)

        with pytest.raises(LockMismatchError, match="only a part") as caught:
            project.sync(options, locked=True)

        assert "--upgrade" not in str(caught.value)

    def test_what_can_not_be_asked_either_is_told_so(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
    ) -> None:
        """The first answer is the one that matters."""
        project.lock(options)
        hub.on(path=f"*/{COMMIT}/*", fault=REVISION_NOT_FOUND)
        hub.on(path=info_path(repo), fault=Status(500))

        with pytest.raises(LockMismatchError, match="unknown"):
            project.sync(options, locked=True)

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [(GATED, GatedRepoError), (Status(429, {"Retry-After": "9999"}), RateLimitedError)],
        ids=["gated", "too many"],
    )
    def test_other_refusals_are_told_as_what_they_are(
        self, hub: FaultHub, project: ProjectFolder, options: Options, fault: Refused, kind: type[WeighbridgeError]
    ) -> None:
        """Nothing is wrong with the lock file."""
        project.lock(options)
        hub.on(path="*/resolve/*", fault=fault)

        with pytest.raises(kind):
            project.sync(options, locked=True)


class TestOffline:
    def test_nothing_is_asked_for_when_all_is_here(
        self, hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options, files: FaultServer
    ) -> None:
        """A machine on a plane works."""
        project.write("acme/victim", file_table(files))
        project.sync(options)
        before = hub.tally, len(files.requests)

        (snap,) = project.sync(replace(options, offline=True)).snapshots

        assert (contents(snap.path), (hub.tally, len(files.requests))) == (repo.main, before)

    def test_all_that_is_missing_is_told_at_once(
        self, hub: FaultHub, project: ProjectFolder, options: Options, files: FaultServer
    ) -> None:
        """Of every repository and of the files from anywhere."""
        hub.serve(small_repo("dataset", "acme/data"))
        project.write("acme/victim", DATA, file_table(files))
        synced = project.sync(options)
        (synced.snapshots[1].path / WEIGHTS).unlink()
        (synced.snapshots[1].path / WEIGHTS).symlink_to("nowhere")
        shutil.rmtree(options.cache.root / "models--acme--victim/blobs")  # type: ignore[operator]
        (project.path / "data/set/data/nested/notes.txt").unlink()
        (project.path / "w/extra.bin").write_bytes(b"something else\n")

        with pytest.raises(IncompleteSnapshotError) as caught:
            project.sync(replace(options, offline=True), locked=True)

        error = caught.value
        assert {"data/nested/notes.txt", WEIGHTS} <= set(error.missing)
        assert all(each in str(error) for each in (WEIGHTS, "notes.txt", "w/extra.bin", "acme/data"))
        assert isinstance(error.__cause__, OfflineError)

    def test_only_a_file_from_anywhere_is_missing(
        self, project: ProjectFolder, options: Options, files: FaultServer
    ) -> None:
        """It is no part of any snapshot."""
        project.write("acme/victim", file_table(files))
        project.sync(options)
        (project.path / "w/extra.bin").unlink()

        with pytest.raises(OfflineError, match=r"w/extra\.bin"):
            project.sync(replace(options, offline=True))


class TestPlaces:
    def test_files_that_are_not_locked_are_told(
        self, hub: FaultHub, project: ProjectFolder, options: Options, files: FaultServer
    ) -> None:
        """A program that loads all that is in a directory would load an old part, too."""
        hub.serve(small_repo("dataset", "acme/data"))
        project.write(DATA, file_table(files, "data/set/extra.bin"))
        told: list[Event] = []
        project.sync(options, observer=told.append)
        before = [each for each in told if isinstance(each, Notice)]
        (project.path / "data/set/data/old.bin").write_bytes(b"of the lock before")

        project.sync(options, observer=told.append)

        assert before == []
        assert [each.message for each in told if isinstance(each, Notice)] == [
            "data/set has 1 file that the lock does not list: data/old.bin"
        ]

    @pytest.mark.parametrize("link", ["data", "data/set", "w"])
    def test_linked_directory_is_refused(
        self, hub: FaultHub, project: ProjectFolder, options: Options, *, files: FaultServer, tmp_path: Path, link: str
    ) -> None:
        """What is checked in would decide what is written elsewhere."""
        hub.serve(small_repo("dataset", "acme/data"))
        project.write(DATA, file_table(files))
        project.lock(options)
        (tmp_path / "elsewhere").mkdir()
        (project.path / link).parent.mkdir(exist_ok=True)
        (project.path / link).symlink_to(tmp_path / "elsewhere")

        with pytest.raises(UnsafePathError):
            project.sync(options, locked=True)

        assert names(tmp_path / "elsewhere") == []

    def test_cache_that_can_only_be_read_is_enough_if_all_is_there(
        self, project: ProjectFolder, options: Options, root: Path, hub: FaultHub
    ) -> None:
        """Clusters share them so."""
        project.sync(options)
        task = SyncTask(
            endpoint=hub.origin, cache=str(root / "hub"), project=str(project.path), arguments={"locked": True}
        )

        with ClientProcess(task, root.parent / "log", prefix=on_read_only_disk(root)) as client:
            outcome = client.wait()

        assert (outcome.code, outcome.failures) == (0, [])

    def test_nothing_is_left_over(self, project: ProjectFolder, options: Options, root: Path) -> None:
        """What a call keeps while it runs would pile up."""
        project.sync(options)

        assert (unfinished(root), wrongs(root, root / "hub")) == ([], [])
