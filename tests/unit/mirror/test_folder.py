"""A folder as a source: its commit follows from its content alone, and what it serves is what it was when hashed."""

from __future__ import annotations

import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.mirror import git_blob
from tests.support.processes import wait_until
from tests.support.scene import MIB
from weighbridge.core.errors import StoreError
from weighbridge.core.repos import Kind, RepoId
from weighbridge.mirror.digests import DigestIndex
from weighbridge.mirror.folder import FolderRepository
from weighbridge.mirror.refusals import Refusal
from weighbridge.store.sight import Sight

REPO = RepoId(Kind.MODEL, "acme/demo")
FILES = {"config.json": b"{}", "onnx/model.onnx": b"large" * 1000, "a-b": b"", "a/b": b"x", "sp ce+%#?é": b"y"}
COMMIT = "6fa1154c3b52b94d41ac2e7f8a0ea1c47f3ff7f0"


def fill(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def open_folder(folder: Path) -> FolderRepository:
    made = FolderRepository(REPO, folder, DigestIndex(None))
    made.prepare(lambda *_: None)
    return made


def names(folder: Path) -> list[str]:
    repo = open_folder(folder)
    return list(repo.listing(repo.resolve("main")).files)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "model")


def test_same_content_has_the_same_commit_everywhere(tmp_path: Path) -> None:
    """Two mirrors of one folder would fill every cache twice."""
    one, two = fill(tmp_path / "one"), fill(tmp_path / "two", dict(reversed(FILES.items())))
    (two / "config.json").chmod(0o755)
    os.utime(two / "config.json", (1, 1))
    (two / "empty" / "folder").mkdir(parents=True)

    assert open_folder(one).commits() == open_folder(two).commits()


@pytest.mark.parametrize(
    "change",
    [{"config.json": b"[]"}, {"more": b""}, {"onnx/model.onnx": b"LARGE" * 1000}],
    ids=["small", "new", "large"],
)
def test_other_content_has_another_commit(folder: Path, tmp_path: Path, change: dict[str, bytes]) -> None:
    """A client would take the new file for the old one."""
    other = fill(tmp_path / "other", FILES | change)

    assert open_folder(folder).commits() != open_folder(other).commits()


def test_name_is_part_of_the_content(folder: Path) -> None:
    """A file that is called otherwise is another file."""
    before = open_folder(folder).commits()
    (folder / "config.json").rename(folder / "config2.json")

    assert open_folder(folder).commits() != before


def test_changed_file_is_served_with_a_new_commit_and_refused_with_the_old_one(folder: Path) -> None:
    """Half of a snapshot would be old, the other half new."""
    repo = open_folder(folder)
    old = repo.resolve("main")
    (folder / "config.json").write_bytes(b"[1]")
    wait_until(lambda: repo.resolve("main") != old)

    new = repo.resolve("main")

    assert repo.find(new, "config.json").name == git_blob(b"[1]")
    assert repo.find(old, "onnx/model.onnx") == repo.find(new, "onnx/model.onnx")
    assert repo.resolve(old) == old
    with pytest.raises(Refusal) as caught:
        repo.find(old, "config.json")
    assert (caught.value.code, dict(caught.value.headers)) == (
        "EntryNotFound",
        {},
    )  # the commit has it, only it is gone


def test_file_is_refused_from_the_moment_it_changes(folder: Path) -> None:
    """Within the second in which nobody looks, new bytes would go out under the old digest."""
    repo = open_folder(folder)
    commit = repo.resolve("main")

    (folder / "config.json").write_bytes(b"[1, 2]")

    with pytest.raises(Refusal):
        repo.find(commit, "config.json")


def test_file_that_changes_twice_in_a_moment_is_looked_at_again(folder: Path) -> None:
    """A stat can't tell two writes within one tick of the clock apart, so a young file's digest is not final."""
    (folder / "config.json").write_bytes(b"{1}")
    repo = open_folder(folder)
    (folder / "config.json").write_bytes(b"{2}")

    wait_until(lambda: repo.listing(repo.resolve("main")).files["config.json"].name == git_blob(b"{2}"))


class _HeldIndex(DigestIndex):
    """Takes as long for a new file as the test wants."""

    def __init__(self) -> None:
        super().__init__(None)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def digest(self, place: Path, algorithm: str, sight: Sight, **more: Any) -> str:
        if place.name == "new":
            self.begun.set()
            self.go_on.wait(30)
        return super().digest(place, algorithm, sight, **more)


def test_what_there_was_is_served_while_what_is_new_is_hashed(folder: Path) -> None:
    """A new file of a terabyte would stop everybody, other repositories and the health check included."""
    index = _HeldIndex()
    repo = FolderRepository(REPO, folder, index)
    old = repo.resolve("main")
    (folder / "new").write_bytes(b"new")

    with ThreadPoolExecutor(1) as pool:
        wait_until(lambda: bool(pool.submit(repo.resolve, "main")) and index.begun.wait(0.2))
        meanwhile = (repo.resolve("main"), repo.find(old, "config.json").name)
        index.go_on.set()

    assert meanwhile == (old, git_blob(b"{}"))
    wait_until(lambda: "new" in repo.listing(repo.resolve("main")).files)


def test_removed_file_is_gone(folder: Path) -> None:
    """A client would be told of a file that it can't have."""
    repo = open_folder(folder)
    old = repo.resolve("main")
    (folder / "config.json").unlink()
    wait_until(lambda: repo.resolve("main") != old)

    with pytest.raises(Refusal):
        repo.find(old, "config.json")
    assert "config.json" not in repo.listing(repo.resolve("main")).files


@pytest.mark.parametrize("revision", ["v1", "refs/pr/1", "0" * 40, "main/x", "MAIN", "", "0123456"])
def test_there_is_one_branch(folder: Path, revision: str) -> None:
    """Any name would seem to be there."""
    repo = open_folder(folder)

    assert repo.refs() == {"main": repo.commits()[0]}
    assert repo.resolve(repo.commits()[0][:7]) == repo.commits()[0]
    with pytest.raises(Refusal) as caught:
        repo.resolve(revision)
    assert caught.value.code == "RevisionNotFound"


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "onnx/.git/HEAD",
        ".cache/huggingface/download/x.metadata",
        "__pycache__/x.pyc",
        ".model.bin.0123.wb-claim",
        ".model.bin.0123.4567.wb-partial/data",
        "blob.incomplete",
        "model.bin.aria2",
        "model.bin.part",
    ],
)
def test_unfinished_files_and_tools_are_left_out(folder: Path, path: str) -> None:
    """Half a file, or somebody's password in .git/config, would be served."""
    fill(folder, {path: b"half"})

    assert names(folder) == sorted(FILES)


def test_what_leads_out_is_left_out_with_a_warning(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A link would hand out files of this machine; and who has put it there would wonder where it is."""
    fill(tmp_path / "model-2", {"secret": b"secret"})
    leads = {"file": tmp_path / "model-2/secret", "passwd": Path("/etc/passwd"), "dir": tmp_path / "model-2"}
    for name, target in leads.items():
        (folder / name).symlink_to(target)

    with caplog.at_level(logging.WARNING, "weighbridge.mirror"):
        found = names(folder)

    assert found == sorted(FILES)
    assert {each.args[1] for each in caplog.records if isinstance(each.args, tuple)} == set(leads)


def test_link_to_a_file_inside_is_that_file(folder: Path) -> None:
    """People keep two names for one file."""
    (folder / "again.json").symlink_to("config.json")
    repo = open_folder(folder)

    assert repo.find(repo.resolve("main"), "again.json").name == git_blob(b"{}")


def test_link_to_a_folder_inside_is_left_out_with_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Followed, it could lead round in a circle; unnoticed, its files would be missing."""
    (folder / "again").symlink_to("onnx")
    (folder / "onnx" / "round").symlink_to("../onnx")

    with caplog.at_level(logging.WARNING, "weighbridge.mirror"):
        assert names(folder) == sorted(FILES)

    assert caplog.text.count("is a link to a folder") == 2


def test_what_is_no_plain_file_of_text_name_is_left_out(folder: Path) -> None:
    """Reading from a pipe would never end."""
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to("absent")
    (folder / "loop").symlink_to("loop")
    (folder / "zero").symlink_to("/dev/zero")
    Path(os.fsdecode(bytes(folder) + b"/\xff")).write_bytes(b"x")

    assert names(folder) == sorted(FILES)


def test_folder_behind_a_link_is_served(folder: Path, tmp_path: Path) -> None:
    """People put "latest" in front of a folder."""
    (tmp_path / "latest").symlink_to(folder)

    assert names(tmp_path / "latest") == sorted(FILES)


def test_empty_folder_has_a_commit(tmp_path: Path) -> None:
    """It would be an internal error until the first file is there."""
    (tmp_path / "empty").mkdir()

    assert names(tmp_path / "empty") == []


def test_folder_that_vanishes_is_empty(folder: Path) -> None:
    """A disk may be taken away while it is served."""
    repo = open_folder(folder)
    folder.rename(folder.with_name("away"))

    wait_until(lambda: not repo.listing(repo.resolve("main")).files)


@pytest.mark.parametrize("kind", ["absent", "file"])
def test_what_is_no_folder_is_told_at_once(tmp_path: Path, kind: str) -> None:
    """A mistyped name would be an empty repository."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreError, match="can't serve"):
        FolderRepository(REPO, tmp_path / kind, DigestIndex(None))


def test_file_that_was_only_touched_is_still_that_of_the_commit(folder: Path) -> None:
    """Whoever asks for the commit never asks for the branch, which would notice that nothing has changed."""
    repo = open_folder(folder)
    commit = repo.resolve("main")
    (folder / "config.json").chmod(0o600)
    (folder / "a-b").touch()

    found = [repo.find(commit, path) for path in ("config.json", "a-b")]

    assert [each.name for each in found] == [git_blob(FILES[path]) for path in ("config.json", "a-b")]


def test_commit_outlives_many_others(folder: Path) -> None:
    """A log beside the weights would end every download that takes longer than a few of its lines."""
    repo = open_folder(folder)
    commit = repo.resolve("main")
    for number in range(20):
        (folder / "train.log").write_text("x" * number)
        repo.prepare(lambda *_: None)

    assert repo.find(commit, "config.json").name == git_blob(FILES["config.json"])


def test_progress_ends_with_everything(folder: Path) -> None:
    """Who waits would not know for how long."""
    told: list[tuple[int, int]] = []

    FolderRepository(REPO, folder, DigestIndex(None)).prepare(lambda done, total: told.append((done, total)))

    total = sum(map(len, FILES.values()))
    assert (told[-1], sorted(told)) == ((total, total), told)


def test_large_file_is_told_of_while_it_is_read(tmp_path: Path) -> None:
    """A start that takes minutes would look like one that hangs."""
    told: list[int] = []
    (tmp_path / "model").mkdir()
    with (tmp_path / "model" / "large").open("wb") as file:
        file.truncate(5 * MIB)

    FolderRepository(REPO, tmp_path / "model", DigestIndex(None)).prepare(lambda done, _: told.append(done))

    assert told == [2 * MIB, 4 * MIB, 5 * MIB, 5 * MIB]


def test_digests_that_are_known_when_it_is_stopped_are_kept(tmp_path: Path) -> None:
    """Whoever loses patience with the first start would begin anew."""
    folder = Path(json.__file__).parent  # its files have not been touched for a while
    first = next(each for each in sorted(folder.rglob("*.py")))

    def stop(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FolderRepository(REPO, folder, DigestIndex(tmp_path)).prepare(stop)
    read: list[int] = []
    DigestIndex(tmp_path).digest(first, "git-sha1", Sight.of(first.stat()), tell=read.append)

    assert read == []


def test_files_are_left_as_they_are(folder: Path) -> None:
    """A receipt in the folder would be a file of the repository."""
    before = [(each, each.lstat().st_mtime_ns) for each in sorted([folder, *folder.rglob("*")])]

    open_folder(folder)

    assert [(each, each.lstat().st_mtime_ns) for each in sorted([folder, *folder.rglob("*")])] == before
