"""``scan_cache_dir`` and what it removes, field by field beside the newest client's, on caches of every client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import cache_facts
from tests.support.hub_clients import HubClient, HubProcess
from tests.support.hub_repos import Served, contents
from weighbridge.compat import huggingface_hub as ours
from weighbridge.core.patterns import Patterns

THREE_WEEKS_S = 21 * 86_400
XET = "ab" + "c" * 62
COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def written(
    processes: dict[str, HubProcess], served: Served, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A cache of each client: a model at two commits of one branch and a tag, and a data set; all weeks old."""
    root = tmp_path_factory.mktemp("scanned")
    plain = ["README.md", "config.json", "dropped.txt", "onnx/*"]
    for name, process in processes.items():
        for revision in ("v1.0", "main"):
            chosen = {"revision": revision, "allow_patterns": plain}
            process.call("snapshot_download", repo_id="acme/awkward", cache_dir=root / name, **chosen)
        chosen = {"repo_type": "dataset", "allow_patterns": ["README.md", "data/nested/*", "empty.txt"]}
        process.call("snapshot_download", repo_id="acme/numbers", cache_dir=root / name, **chosen)
    for repo in served.cached:
        repo.write_cache(root / "made")
    _share(root / "shared")
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (time.time() - THREE_WEEKS_S, time.time() - 2 * THREE_WEEKS_S))
    return {path.name: path for path in root.iterdir()}


@pytest.fixture
def cache(written: dict[str, Path], request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the cache in turn, times kept."""
    return Path(shutil.copytree(written[request.param], tmp_path / "hub", symlinks=True))


CACHES = ["2.x", "1.17.0", "0.36.2", "0.9.1", "made", "shared"]
each_cache = pytest.mark.parametrize("cache", CACHES, indirect=True)


def theirs(newest: HubClient, cache: Path, *commits: str, remove: bool = False) -> dict[str, Any]:
    """Return what the newest client finds."""
    given = json.dumps({"cache": str(cache), "commits": commits, "remove": remove})
    command = [str(newest.folder / "bin" / "python"), "-I", cache_facts.__file__, given]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def commits_of(cache: Path, repo: str) -> list[str]:
    """Return the commits of a repository, the one of its main branch last."""
    folder = cache / repo
    main = (folder / "refs" / "main").read_text()
    return sorted((each.name for each in (folder / "snapshots").iterdir()), key=lambda each: each == main)


def left(cache: Path) -> dict[str, bytes]:
    """Return all files; of the lists who shares a content only that they are there, as wrong lines in them are void."""
    return {path: b"" if path.endswith(".refs") else content for path, content in contents(cache).items()}


def is_note(path: str, commits: list[str]) -> bool:
    """Tell whether a file is only about one of these commits."""
    return "/trees/" in path and Path(path).stem in commits


@each_cache
def test_every_field_is_the_same(newest: HubClient, cache: Path) -> None:
    """Scripts that clean caches read any of them."""
    found = cache_facts.facts_of(ours, cache)

    assert found == theirs(newest, cache)
    assert found["info"]["repos"]


@each_cache
@pytest.mark.parametrize("which", [slice(1, 2), slice(2)], ids=["one", "all"])
def test_what_is_removed_is_the_same(newest: HubClient, cache: Path, which: slice, tmp_path: Path) -> None:
    """More would be a loss and less no room, but for what was noted of a commit: others leave that for ever."""
    commits = commits_of(cache, "models--acme--awkward")[which]
    copy = Path(shutil.copytree(cache, tmp_path / "copy", symlinks=True))

    planned = cache_facts.facts_of(ours, cache, commits, remove=True)["revisions"]
    expected = theirs(newest, copy, *commits, remove=True)["revisions"]

    assert json.dumps(planned).replace(str(cache), str(copy)) == json.dumps(expected)
    assert planned["expected_freed_size"] > 0
    assert left(cache) == {path: content for path, content in left(copy).items() if not is_note(path, commits)}
    assert cache_facts.facts_of(ours, cache)["warnings"] == 0


def age(cache: Path) -> None:
    """Let contents be ten days old: "a few seconds ago" is not true for long."""
    for blob in cache.glob("*/blobs/*"):
        os.utime(blob, (blob.stat().st_mtime - 864_000,) * 2)


@pytest.mark.parametrize("cache", ["2.x", "made"], indirect=True)
def test_corrupted_repositories_are_the_same(newest: HubClient, cache: Path) -> None:
    """What one tool shows and the other hides is never cleaned."""
    for name in ("models--no--snapshots", "no-kind--x", "models"):
        (cache / name).mkdir()
    (cache / "tmpabcdef").touch()
    for name in ("stray", "dangling", "ref", "empty"):
        (cache / f"models--a--{name}" / "snapshots" / COMMIT).mkdir(parents=True)
        (cache / f"models--a--{name}" / "refs").mkdir()
    (cache / "models--a--stray" / "snapshots" / "file").touch()
    (cache / "models--a--dangling" / "snapshots" / COMMIT / "f").symlink_to("../../blobs/gone")
    (cache / "models--a--ref" / "refs" / "main").write_text(OTHER)
    for name in ("etag.incomplete", f"etag.{'a' * 8}.incomplete"):
        (cache / "models--acme--awkward" / "blobs" / name).write_bytes(b"12345")
    os.utime(cache / "models--a--empty" / "snapshots" / COMMIT, (0, 0))
    age(cache)

    found = cache_facts.facts_of(ours, cache)

    assert found == theirs(newest, cache)
    assert (found["warnings"], len(found["info"]["incomplete_files"])) == (7, 2)


def test_patterns_select_the_same(newest: HubClient) -> None:
    """The files that a call takes are those that it took before."""
    paths = [
        "a.json",
        "A.json",
        "b/a.json",
        "b/c/d.bin",
        "b\\e.bin",
        "[x].txt",
        "x.txt",
        ".git/f",
        "é.json",
        "b",
        "c d",
    ]
    globs: list[Any] = [None, [], "*", "*.json", ["a*", "b/"], "b", "B/*", "**/*.json", "b\\*", "[x].txt", "[[]x].txt"]
    globs += ["?.json", "[!a]*", ".*", "*/", "/", "", ["", "c d"], "b/*/*"]
    asked = [(paths, allow, ignore) for allow in globs for ignore in globs]
    code = (
        "import json, sys; from huggingface_hub.utils import filter_repo_objects as select; "
        "asked = json.load(sys.stdin); "
        "print(json.dumps([list(select(p, allow_patterns=a, ignore_patterns=i)) for p, a, i in asked]))"
    )
    command = [str(newest.folder / "bin" / "python"), "-I", "-c", code]
    told = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True).stdout

    assert [Patterns(allow, ignore).select(paths) for _, allow, ignore in asked] == json.loads(told)


def _share(cache: Path) -> None:
    """Make a cache in which newer clients share a content between repositories, and keep one that nobody has."""
    store = cache / "blobs"
    for name, content, references in (
        (XET, b"shared" * 1000, ["models--acme--awkward/blobs/e1", "models--b--c/blobs/e1", "models--gone/blobs/e1"]),
        ("cd" + "e" * 62, b"nobody's", []),
    ):
        (store / name[:2]).mkdir(parents=True)
        (store / name[:2] / name).write_bytes(content)
        (store / name[:2] / f"{name}.refs").write_text("".join(f"{each}\n" for each in references))
    (store / ".huggingface-shared-blobs").write_text("1\n")
    for repo, commits in (("models--acme--awkward", (COMMIT, OTHER)), ("models--b--c", (COMMIT[1:] + "c",))):
        folder = cache / repo
        for each in ("blobs", "refs"):
            (folder / each).mkdir(parents=True)
        (folder / "blobs" / "e1").symlink_to(f"../../blobs/ab/{XET}")
        for index, commit in enumerate(commits):
            (folder / "blobs" / f"own{index}").write_bytes(b"own" * (index + 1))
            (folder / "snapshots" / commit).mkdir(parents=True)
            (folder / "snapshots" / commit / "own").symlink_to(f"../../blobs/own{index}")
        (folder / "snapshots" / commits[0] / "f").symlink_to("../../blobs/e1")
        (folder / "refs" / "main").write_text(commits[0])
