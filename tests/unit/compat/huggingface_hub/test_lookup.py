"""What is in the cache, told without asking anybody."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from weighbridge.compat.huggingface_hub.lookup import _CACHED_NO_EXIST, cached_assets_path, try_to_load_from_cache
from weighbridge.core.errors import HFValidationError, InvalidParameterError, UnsafePathError

COMMIT, OTHER = "a" * 40, "b" * 40
REPO = "org/name"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a repository with one file in a snapshot that three refs mean."""
    folder = tmp_path / "hub" / "models--org--name"
    pointer = folder / "snapshots" / COMMIT / "sub" / "config.json"
    for each in (pointer.parent, folder / "blobs", folder / "refs" / "refs" / "pr"):
        each.mkdir(parents=True)
    (folder / "blobs" / "etag").write_bytes(b"{}")
    pointer.symlink_to("../../../blobs/etag")
    for ref in ("main", "v1.0", "refs/pr/1"):
        (folder / "refs" / ref).write_text(COMMIT)
    return folder


def mark(folder: Path, path: str) -> None:
    """Note that the commit has no such file."""
    marker = folder / ".no_exist" / COMMIT / path
    marker.parent.mkdir(parents=True)
    marker.touch()


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "refs/pr/1", COMMIT])
def test_file_is_found_by_every_name_of_its_commit(folder: Path, revision: str | None) -> None:
    """A nested ref is a ref; before 0.10 it was never found."""
    found = try_to_load_from_cache(REPO, "sub/config.json", folder.parent, revision)

    assert found == str(folder / "snapshots" / COMMIT / "sub" / "config.json")


def test_file_is_found_by_commit_without_refs(folder: Path) -> None:
    """Whoever asks by commit only never gets a ref."""
    for path in sorted((folder / "refs").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "refs").rmdir()

    assert isinstance(try_to_load_from_cache(REPO, "sub/config.json", folder.parent, COMMIT), str)


@pytest.mark.parametrize("revision", ["gone", OTHER, "mai"])
def test_nothing_is_known_of_other_revisions(folder: Path, revision: str) -> None:
    """No other commit's file may be given instead."""
    assert try_to_load_from_cache(REPO, "sub/config.json", folder.parent, revision) is None


def test_known_absence_is_told(folder: Path) -> None:
    """Libraries ask for optional files each time they load a model."""
    mark(folder, "added_tokens.json")

    assert try_to_load_from_cache(REPO, "added_tokens.json", folder.parent) is _CACHED_NO_EXIST
    assert try_to_load_from_cache(REPO, "unknown.json", folder.parent) is None


def test_file_that_is_there_beats_a_note_that_it_is_not(folder: Path) -> None:
    """0.9.1 leaves false notes, and 2.x believes them even after it has the file."""
    mark(folder, "sub/config.json")

    assert isinstance(try_to_load_from_cache(REPO, "sub/config.json", folder.parent), str)


def test_link_to_nothing_is_no_file(folder: Path) -> None:
    """The path would be given to a program that can't open it."""
    (folder / "blobs" / "etag").unlink()

    assert try_to_load_from_cache(REPO, "sub/config.json", folder.parent) is None


def test_cache_is_found_by_text_home_and_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cache must be meant however it is named."""
    monkeypatch.setenv("HOME", str(folder.parents[1]))
    monkeypatch.setenv("HF_HUB_CACHE", str(folder.parent))

    found = [try_to_load_from_cache(REPO, "sub/config.json", each) for each in (str(folder.parent), "~/hub", None)]

    assert found == [str(folder / "snapshots" / COMMIT / "sub" / "config.json")] * 3


@pytest.mark.parametrize("repo_type", ["dataset", "space", "kernel"])
def test_other_kinds_are_other_repositories(folder: Path, repo_type: str) -> None:
    """A dataset may have the name of a model."""
    assert try_to_load_from_cache(REPO, "sub/config.json", folder.parent, repo_type=repo_type) is None  # type: ignore[arg-type]


def test_lookup_writes_nothing(tmp_path: Path) -> None:
    """A question about a repository that is not here must not leave its folder."""
    assert try_to_load_from_cache(REPO, "config.json", tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("repo", "filename", "revision", "kind"),
    [
        (REPO, "../../secret", None, UnsafePathError),
        (REPO, "/etc/passwd", None, UnsafePathError),
        (REPO, "f", "../../x", UnsafePathError),
        (REPO, "", None, InvalidParameterError),
        ("a/b/c", "f", None, HFValidationError),
        ("../x", "f", None, HFValidationError),
    ],
)
def test_names_that_lead_elsewhere_are_refused(
    folder: Path, repo: str, filename: str, revision: str | None, kind: type[Exception]
) -> None:
    """Any file of the machine could be had as one of the repository."""
    with pytest.raises(kind) as caught:
        try_to_load_from_cache(repo, filename, folder.parent, revision)

    assert isinstance(caught.value, ValueError)


def test_there_is_one_sentinel() -> None:
    """``is`` would fail on what a worker process has sent back."""
    copies = [copy.copy(_CACHED_NO_EXIST), copy.deepcopy([_CACHED_NO_EXIST])[0]]
    copies.append(pickle.loads(pickle.dumps(_CACHED_NO_EXIST)))

    assert [each is _CACHED_NO_EXIST for each in copies] == [True] * 3
    assert repr(_CACHED_NO_EXIST) == "_CACHED_NO_EXIST"


def test_directory_of_assets_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries write into it at once."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))

    places = [cached_assets_path("lib", "org/name", "a b\\c"), cached_assets_path("lib", assets_dir=tmp_path / "own")]

    assert places == [tmp_path / "assets/lib/org--name/a--b--c", tmp_path / "own/lib/default/default"]
    assert all(each.is_dir() for each in places)


@pytest.mark.parametrize("name", ["..", "a\0b"])
def test_directory_of_assets_stays_below_its_root(tmp_path: Path, name: str) -> None:
    """A data set's name comes from elsewhere."""
    with pytest.raises(UnsafePathError):
        cached_assets_path("lib", name, assets_dir=tmp_path / "x")


def test_file_in_the_way_of_assets_is_told(tmp_path: Path) -> None:
    """It is a ``ValueError`` since there is such a function."""
    (tmp_path / "lib").write_text("a file")

    with pytest.raises(ValueError, match="file in its way"):
        cached_assets_path("lib", assets_dir=tmp_path)
