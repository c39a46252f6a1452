"""Snapshots that are here already, with nobody to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hub_repos import Repo, contents
from weighbridge.compat.huggingface_hub import snapshot_download
from weighbridge.compat.huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

FIRST, SECOND = "a" * 40, "b" * 40
REPO = Repo(
    kind="model",
    name="acme/here",
    commits={FIRST: {"a.txt": b"one", "b/c.txt": b"two"}, SECOND: {"a.txt": b"three"}},
    refs={"main": FIRST, "refs/pr/1": SECOND},
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that some client has left, on a machine without a network."""
    REPO.write_cache(tmp_path / "hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return tmp_path / "hub"


@pytest.mark.parametrize("revision", [None, "main", "refs/pr/1", FIRST, SECOND])
def test_snapshot_is_found_by_any_name(cache: Path, revision: str | None) -> None:
    """Of a branch, of a nested one, of a commit."""
    found = snapshot_download("acme/here", revision=revision)

    assert found.startswith(f"{cache}/models--acme--here/snapshots/")
    assert contents(found) == REPO.at(revision or "main")


def test_who_asks_is_told_that_nobody_knows_whether_it_is_whole(caplog: pytest.LogCaptureFixture) -> None:
    """The client that was here kept no listing."""
    snapshot_download("acme/here")

    assert "nobody can tell whether files are missing" in caplog.text


def test_file_that_is_not_what_its_name_says_is_missing(cache: Path) -> None:
    """Other clients return it."""
    (cache / "models--acme--here" / "snapshots" / FIRST / "a.txt").resolve().write_bytes(b"eno")

    with pytest.raises(IncompleteSnapshotError) as caught:
        snapshot_download("acme/here")

    assert caught.value.missing == ("a.txt",)


def test_patterns_select_among_what_is_here() -> None:
    """A part that is whole is enough."""
    found = snapshot_download("acme/here", allow_patterns="b/*")

    assert Path(found, "b", "c.txt").read_bytes() == b"two"


@pytest.mark.parametrize("which", [{"repo_id": "acme/nothing"}, {"repo_id": "acme/here", "revision": "nope"}], ids=repr)
def test_what_is_not_here_is_an_error(which: dict[str, str]) -> None:
    """And makes no folder."""
    with pytest.raises(LocalEntryNotFoundError, match="not on this machine"):
        snapshot_download(**which)


def test_looking_changes_nothing(cache: Path) -> None:
    """But for what we note of our own."""
    before = {path for path in cache.rglob("*") if not path.is_dir() and ".weighbridge" not in path.parts}

    snapshot_download("acme/here")

    after = {path for path in cache.rglob("*") if not path.is_dir() and ".weighbridge" not in path.parts}
    assert after == before
