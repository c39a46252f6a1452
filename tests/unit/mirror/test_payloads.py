"""The JSON that clients read, field by field as the Hub sends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.core.repos import Kind, RepoId
from weighbridge.mirror.listing import Held, Listing, digest_kind
from weighbridge.mirror.payloads import iso_time, refs_info, repo_info, tree_entry
from weighbridge.store.sight import Sight

COMMIT = "e4398398784194ff392b7e1f115115869a3bbbfb"
SMALL = "83f344fd6cc46a5044a6c8a862232eeb7a6eaaa9"
LARGE = "6ba4692bb1d46d4e96288fae575945dfcb6f2e019ef92499b248f6a69e4c1913"
POINTER = "87d27b3c22772d230ede279560c57bc9599ea0af"  # git's own id of the pointer to LARGE
MOMENT_NS = 1_767_323_045_006_000_000

LISTING = Listing(
    COMMIT,
    {
        "config.json": Held(Path("/x"), Sight(size=23), SMALL),
        "onnx/model.safetensors": Held(Path("/y"), Sight(size=3_000_000), LARGE),
    },
    modified_ns=MOMENT_NS,
)


def test_model_is_told_as_the_hub_does() -> None:
    """Old clients read "siblings", new ones "sha", and both need "id"."""
    info = repo_info(RepoId(Kind.MODEL, "acme/plain"), LISTING, is_detailed=False)

    assert (info["id"], info["modelId"], info["author"], info["sha"]) == ("acme/plain", "acme/plain", "acme", COMMIT)
    assert info["siblings"] == [{"rfilename": "config.json"}, {"rfilename": "onnx/model.safetensors"}]
    assert (info["private"], info["disabled"], info["gated"]) == (False, False, False)
    assert (info["tags"], info["downloads"], info["likes"]) == ([], 0, 0)
    assert info["lastModified"] == "2026-01-02T03:04:05.006Z"
    assert len(info["_id"]) == 24


@pytest.mark.parametrize("kind", [Kind.DATASET, Kind.SPACE, Kind.KERNEL])
def test_only_models_have_a_model_id(kind: Kind) -> None:
    """A dataset would be taken for a model."""
    info = repo_info(RepoId(kind, "plain"), LISTING, is_detailed=False)

    assert ("modelId" in info, info["id"], info["author"]) == (False, "plain", None)


def test_details_tell_sizes_and_digests() -> None:
    """In siblings the digest of a large file is called "sha256"."""
    info = repo_info(RepoId(Kind.MODEL, "acme/plain"), LISTING, is_detailed=True)

    assert info["siblings"] == [
        {"rfilename": "config.json", "size": 23, "blobId": SMALL},
        {
            "rfilename": "onnx/model.safetensors",
            "size": 3_000_000,
            "blobId": POINTER,
            "lfs": {"sha256": LARGE, "size": 3_000_000, "pointerSize": 132},
        },
    ]


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("config.json", {"type": "file", "oid": SMALL, "size": 23, "path": "config.json"}),
        (
            "onnx/model.safetensors",
            {
                "type": "file",
                "oid": POINTER,
                "size": 3_000_000,
                "path": "onnx/model.safetensors",
                "lfs": {"oid": LARGE, "size": 3_000_000, "pointerSize": 132},
            },
        ),
        ("onnx", {"type": "directory", "oid": LISTING.folders["onnx"], "size": 0, "path": "onnx"}),
    ],
)
def test_entry_of_a_listing_is_told_as_the_hub_does(path: str, entry: dict[str, object]) -> None:
    """In listings the digest of a large file is called "oid"; and never is there an "xetHash"."""
    assert tree_entry(path, LISTING, is_expanded=False) == entry


def test_expanded_entry_tells_of_a_commit() -> None:
    """Clients that ask for it make a date of it."""
    entry = tree_entry("config.json", LISTING, is_expanded=True)

    assert set(entry["lastCommit"]) == {"id", "title", "date"}
    assert (entry["lastCommit"]["id"], entry["lastCommit"]["date"]) == (COMMIT, "2026-01-02T03:04:05.006Z")


def test_refs_are_told_as_the_hub_does() -> None:
    """Clients list branches, and read "targetCommit"."""
    refs = {"main": COMMIT, "v1.0": COMMIT, "refs/pr/1": COMMIT, "refs/convert/parquet": COMMIT}

    plain, with_pulls = refs_info(refs, has_pull_requests=False), refs_info(refs, has_pull_requests=True)

    assert plain == {
        "branches": [
            {"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT},
            {"name": "v1.0", "ref": "refs/heads/v1.0", "targetCommit": COMMIT},
        ],
        "tags": [],
        "converts": [{"name": "parquet", "ref": "refs/convert/parquet", "targetCommit": COMMIT}],
    }
    pulls = [{"name": "1", "ref": "refs/pr/1", "targetCommit": COMMIT}]
    assert with_pulls == plain | {"pullRequests": pulls}


@pytest.mark.parametrize(
    ("moment_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999_999, "1970-01-01T00:00:00.000Z"),
        (MOMENT_NS, "2026-01-02T03:04:05.006Z"),
        (253_402_300_799_000_000_000, "9999-12-31T23:59:59.000Z"),
        (-1_000_000_000, "1969-12-31T23:59:59.000Z"),
        (10**21, "9999-12-31T23:59:59.000Z"),
    ],
)
def test_every_time_of_a_file_can_be_told(moment_ns: int, text: str) -> None:
    """Anybody may give a file any time, and one such file would spoil the listing of all."""
    assert iso_time(moment_ns) == text


@pytest.mark.parametrize(
    ("path", "size", "kind"),
    [
        ("model.safetensors", 1, "sha256"),
        ("a/b/PYTORCH_MODEL.BIN", 1, "sha256"),
        ("model.safetensors", 0, "git-sha1"),
        ("config.json", 10 * 1024 * 1024, "git-sha1"),
        ("config.json", 10 * 1024 * 1024 + 1, "sha256"),
        ("bin", 1, "git-sha1"),
        ("a.bin/readme", 1, "git-sha1"),
    ],
)
def test_large_files_are_those_that_the_hub_keeps_outside_git(path: str, size: int, kind: str) -> None:
    """The ETag would be another one than the Hub's, and caches hold both."""
    assert digest_kind(path, size) == kind
