"""A project is locked: what it needs is asked for once, written whole, and changes only when that is asked for."""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.calls import Diary, names
from tests.support.fault_hub import FaultHub, Tally
from tests.support.faults import Status
from tests.support.hub.addresses import info_path, tree_path
from tests.support.hub.calls import COMMIT, EARLIER, WEIGHTS, hub_options, snapshot
from tests.support.hub.lies import REPO_HIDDEN, REVISION_NOT_FOUND, Edited
from tests.support.hub.projecting import ProjectFolder
from tests.support.hub_repos import Repo, small_repo
from weighbridge.client import Client
from weighbridge.core.errors import (
    LockFileError,
    LockMismatchError,
    LockOutdatedError,
    OfflineModeIsEnabled,
    ProjectError,
    RepositoryNotFoundError,
    StoreError,
)
from weighbridge.core.events import Notice
from weighbridge.core.options import Options

TAG = '[[repository]]\nid = "acme/victim"\ntag = "v1.0"\n'
SOME = '[[repository]]\nid = "acme/victim"\ninclude = ["*.json"]\n'
FILE = f'[[file]]\npath = "w/x.bin"\nurl = "https://nowhere.invalid/x.bin"\ndigest = "sha256:{"a" * 64}"\n'


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project")


@pytest.fixture
def options(hub: FaultHub, root: Path) -> Options:
    return hub_options(hub, root / "hub")


def test_every_file_is_locked_with_its_size_and_digest(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """One request for the commit, one for the listing, and no bytes."""
    project.write(repo.name, FILE)

    locked = project.lock(options)

    (found,) = tomllib.loads(project.lock_file.read_text())["repository"]
    digests = {each["path"]: each["digest"] for each in found["files"]}
    small = b"blob %d\0%s" % (len(repo.main["config.json"]), repo.main["config.json"])
    assert (found["commit"], {path: len(content) for path, content in repo.main.items()}) == (
        COMMIT,
        {each["path"]: each["size"] for each in found["files"]},
    )
    assert digests[WEIGHTS] == f"sha256:{hashlib.sha256(repo.main[WEIGHTS]).hexdigest()}"
    assert digests["config.json"] == f"git-sha1:{hashlib.sha1(small).hexdigest()}"
    assert (hub.tally, len(locked.changes)) == (Tally(info=1, tree=1), 2)
    assert names(options.cache.root or Path()) == []


def test_what_is_locked_stays_when_the_branch_moves(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """Not a byte of the lock file changes, and nobody is asked."""
    project.write(repo.name)
    project.lock(options)
    before, sight = project.lock_file.read_bytes(), project.lock_file.stat()
    hub.move(repo, "main", EARLIER)

    locked = project.lock(options)

    assert (locked.changes, project.lock_file.read_bytes()) == ((), before)
    assert project.lock_file.stat().st_mtime_ns == sight.st_mtime_ns
    assert hub.tally == Tally(info=1, tree=1)


@pytest.mark.parametrize("upgrade", [True, ["acme/victim"]])
def test_upgrade_takes_what_the_branch_means_now(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options, upgrade: bool | list[str]
) -> None:
    """And tells what that changes."""
    project.write(repo.name)
    project.lock(options)
    hub.move(repo, "main", EARLIER)

    locked = project.lock(options, upgrade=upgrade)

    assert locked.changes == ("model acme/victim at main: c0ffee0 -> decade0, 2 files changed, -20 B",)
    assert locked.lock.repositories[0].commit == EARLIER


def test_upgrade_of_what_has_not_moved_costs_one_question(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """Of a commit that is locked, all is known."""
    project.write(repo.name)
    project.lock(options)

    locked = project.lock(options, upgrade=True)

    assert (locked.changes, hub.tally) == ((), Tally(info=2, tree=1))


def test_upgrade_of_one_leaves_the_others(hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options) -> None:
    """A small change would bring a large one."""
    other = small_repo("model", "acme/other")
    hub.serve(other)
    project.write(repo.name, other.name)
    project.lock(options)
    hub.move(repo, "main", EARLIER)

    locked = project.lock(options, upgrade=["acme/other"])

    assert locked.changes == ()


def test_upgrade_of_what_the_project_has_not_is_refused(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """A slip of the pen would upgrade nothing."""
    project.write(repo.name)

    with pytest.raises(ProjectError, match=r"did you mean acme/victim\?"):
        project.lock(options, upgrade=["acme/victmi"])

    assert hub.requests == []


def test_other_files_are_of_the_commit_that_was_locked(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """To want one more file is not to want another version of all."""
    project.write(SOME)
    project.lock(options)
    hub.move(repo, "main", EARLIER)
    project.write(SOME.replace('"*.json"', '"*.json", "*.txt"'))

    locked = project.lock(options)

    (found,) = locked.lock.repositories
    assert (found.commit, [each.path for each in found.files]) == (COMMIT, ["config.json", "empty.txt", "vocab.txt"])
    assert hub.tally == Tally(info=1, tree=2)


def test_listing_that_is_in_the_cache_is_not_asked_for(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """One request less, and it works where the listing is gone."""
    snapshot(options, repo)
    project.write(repo.name)
    before = hub.tally

    project.lock(options)

    assert hub.tally == replace(before, info=before.info + 1)


def test_moved_tag_is_an_error_with_both_sides(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """The promise of a tag is that it does not move; the lock file stays as it is."""
    project.write(TAG)
    project.lock(options)
    before = project.lock_file.read_bytes()
    hub.move(repo, "v1.0", COMMIT)

    for upgrade in (False, True):
        with pytest.raises(LockMismatchError) as caught:
            project.lock(options, upgrade=upgrade)

    error = caught.value
    assert (error.expected, error.actual, error.name) == (EARLIER, COMMIT, repo.name)
    assert all(each in str(error) for each in ("v1.0", EARLIER, COMMIT, "weighbridge lock --upgrade acme/victim"))
    assert project.lock_file.read_bytes() == before


def test_moved_tag_is_accepted_by_name(hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options) -> None:
    """What the message says to do has to work."""
    project.write(TAG)
    project.lock(options)
    hub.move(repo, "v1.0", COMMIT)

    locked = project.lock(options, upgrade=[repo.name])

    assert locked.lock.repositories[0].commit == COMMIT


def test_tag_that_is_gone_is_an_error_with_both_sides(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """It may be made anew any time, for anything."""
    project.write(TAG)
    project.lock(options)
    hub.on(path=info_path(repo, "v1.0"), fault=REVISION_NOT_FOUND)

    with pytest.raises(LockMismatchError, match="no such tag") as caught:
        project.lock(options)

    assert caught.value.expected == EARLIER


def test_tags_are_not_asked_for_offline(hub: FaultHub, project: ProjectFolder, options: Options) -> None:
    """Nothing has changed, so nothing has to be asked; but it is told."""
    project.write(TAG)
    project.lock(options)
    before, diary = hub.tally, Diary()

    locked = project.lock(replace(options, offline=True), observer=diary)

    assert (locked.changes, hub.tally) == ((), before)
    assert [each for each in diary.events if isinstance(each, Notice)] != []


def test_vanished_commit_is_an_error_with_both_sides(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """Which commit was wanted, and what the branch means now."""
    project.write(SOME)
    project.lock(options)
    hub.move(repo, "main", EARLIER)
    hub.on(path=tree_path(repo, COMMIT), fault=REVISION_NOT_FOUND)
    project.write(repo.name)

    with pytest.raises(LockMismatchError) as caught:
        project.lock(options)

    assert (caught.value.expected, caught.value.actual) == (COMMIT, EARLIER)


@pytest.mark.parametrize(("include", "hint"), [('"*.bin"', ""), ('"confg.json"', "did you mean config.json?")])
def test_patterns_that_select_nothing_are_refused(
    project: ProjectFolder, options: Options, include: str, hint: str
) -> None:
    """A project would lack its weights without a word."""
    project.write(SOME.replace('"*.json"', include))

    with pytest.raises(ProjectError, match="select none of the 6 files") as caught:
        project.lock(options)

    assert hint in str(caught.value)
    assert not project.lock_file.exists()


def test_two_repositories_with_one_file_in_a_directory_are_refused(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """The later would replace what the earlier has put there, for ever in turn."""
    hub.serve(small_repo("model", "acme/other"))
    both = [f'[[repository]]\nid = "{each}"\ndirectory = "m"\n' for each in (repo.name, "acme/other")]
    project.write(*both)

    with pytest.raises(ProjectError, match=r"m/empty\.txt"):
        project.lock(options)


def test_file_without_a_digest_is_refused(hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options) -> None:
    """A lock that pins nothing is none."""
    hub.on(
        path=tree_path(repo, COMMIT),
        fault=Edited(lambda entries: [{name: each[name] for name in ("type", "path", "size")} for each in entries]),
    )
    hub.on(path="*/resolve/*", method="HEAD", fault=Status(200, {"X-Repo-Commit": COMMIT, "ETag": '"weak-etag"'}))
    project.write(repo.name)

    with pytest.raises(LockFileError, match="does not tell the digest"):
        project.lock(options)


def test_refused_repository_is_told_as_what_it_is(hub: FaultHub, project: ProjectFolder, options: Options) -> None:
    """A missing token is no matter of lock files."""
    hub.on(fault=REPO_HIDDEN)
    project.write("acme/victim")

    with pytest.raises(RepositoryNotFoundError):
        project.lock(options)


def test_nothing_is_asked_for_offline(project: ProjectFolder, options: Options) -> None:
    """A project that is not locked can't be then."""
    project.write("acme/victim")

    with pytest.raises(OfflineModeIsEnabled):
        project.lock(replace(options, offline=True))


def test_plan_writes_nothing(hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options) -> None:
    """It could not be taken back."""
    project.write(repo.name)

    with Client(options) as client:
        planned = client.projects.plan_lock(project.path)

    assert (len(planned.changes), project.lock_file.exists()) == (1, False)


def test_check_asks_nobody_and_tells_all_differences(
    hub: FaultHub, repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """CI asks it with every change."""
    project.write(repo.name)
    with Client(options) as client:
        with pytest.raises(LockOutdatedError):
            client.projects.check_lock(project.path)
        client.projects.lock(project.path)
        before = hub.tally

        client.projects.check_lock(project.path)
        project.write(SOME, FILE)
        with pytest.raises(LockOutdatedError) as caught:
            client.projects.check_lock(project.path / "weighbridge.toml")

    assert (len(caught.value.changes), hub.tally) == (2, before)


def test_project_that_is_not_there_is_told(project: ProjectFolder, options: Options) -> None:
    """The path is the first thing to check."""
    with pytest.raises(ProjectError, match="there is no"):
        project.lock(options)


def test_strange_files_are_refused(project: ProjectFolder, options: Options) -> None:
    """A lock file of noise would be taken for one, or a directory for a project."""
    project.write("acme/victim")
    project.lock_file.write_bytes(b"\xff\xfe")
    with pytest.raises(LockFileError, match="line 1: it is not UTF-8"):
        project.lock(options)

    project.lock_file.unlink()
    project.lock_file.mkdir()
    with pytest.raises(LockFileError, match="can't be read"):
        project.lock(options)


def test_files_as_windows_writes_them_are_read(repo: Repo, project: ProjectFolder, options: Options) -> None:
    """With a byte order mark and other line ends; a lock file of those is not written anew."""
    project.write(repo.name)
    toml = project.path / "weighbridge.toml"
    toml.write_bytes(b"\xef\xbb\xbf" + toml.read_bytes().replace(b"\n", b"\r\n"))
    project.lock(options)
    turned = project.lock_file.read_bytes().replace(b"\n", b"\r\n")
    project.lock_file.write_bytes(turned)

    again = project.lock(options)

    assert (again.changes, project.lock_file.read_bytes()) == ((), turned)


@pytest.mark.parametrize("query", ["?X-Amz-Signature=5eC", "?a=b&access_token=5eC", "?sig=5eC"])
def test_signed_address_is_warned_of_and_not_shown(project: ProjectFolder, options: Options, query: str) -> None:
    """It would be in version control for all to see, and be of no use a day later."""
    project.write(FILE.replace('x.bin"\ndigest', f'x.bin{query}"\ndigest'))
    diary = Diary()

    project.lock(options, observer=diary)

    (told,) = (each.message for each in diary.events if isinstance(each, Notice))
    assert "w/x.bin" in told
    assert "5eC" not in told


def test_mode_and_link_of_the_lock_file_are_kept(
    repo: Repo, project: ProjectFolder, options: Options, tmp_path: Path
) -> None:
    """Others could no longer read it, or would read another."""
    project.write(repo.name)
    kept = tmp_path / "kept.lock"
    kept.write_text("version = 1\n")
    kept.chmod(0o640)
    project.lock_file.symlink_to(kept)

    project.lock(options)

    assert project.lock_file.is_symlink()
    assert (kept.stat().st_mode & 0o777, COMMIT in kept.read_text()) == (0o640, True)


def test_what_a_killed_writer_left_is_removed_after_an_hour(
    repo: Repo, project: ProjectFolder, options: Options
) -> None:
    """Not before: whoever writes it may be alive."""
    project.write(repo.name)
    old, new = (project.path / f".weighbridge.lock.{each}.tmp" for each in ("0123456789abcdef", "fedcba9876543210"))
    for each in (old, new):
        each.touch()
    os.utime(old, (0, 0))

    project.lock(options)

    assert (old.exists(), new.exists()) == (False, True)


def test_lock_file_that_can_not_be_written_is_an_error(repo: Repo, project: ProjectFolder, options: Options) -> None:
    """A later sync would be of nothing."""
    project.write(repo.name)
    project.lock_file.symlink_to("no/such/directory/file")

    with pytest.raises(StoreError):
        project.lock(options)
