"""Addresses of files, and plans as they are told; nobody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.compat.huggingface_hub import DryRunFileInfo, HfFileMetadata, hf_hub_url
from weighbridge.compat.huggingface_hub.files import dry_run_infos
from weighbridge.core.errors import HFValidationError, InvalidParameterError, UnsafePathError
from weighbridge.core.snapshots import Plan, PlannedFile

HUB = "https://huggingface.co"


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (
            ("julien-c/EsperBERTo-small", "pytorch_model.bin"),
            "/julien-c/EsperBERTo-small/resolve/main/pytorch_model.bin",
        ),
        (("gpt2", "config.json"), "/gpt2/resolve/main/config.json"),
        (("a/b", "c/d/e.txt"), "/a/b/resolve/main/c/d/e.txt"),
        (("a/b", "sub dir/a b#c?d%e+é.txt"), "/a/b/resolve/main/sub%20dir/a%20b%23c%3Fd%25e%2B%C3%A9.txt"),
        (("a/b", "~x_-.y"), "/a/b/resolve/main/~x_-.y"),
    ],
)
def test_address_is_that_of_newer_clients(arguments: tuple[str, str], url: str) -> None:
    """Other programs cut it apart, and caches of old are named by it."""
    assert hf_hub_url(*arguments) == HUB + url


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [(None, ""), ("model", ""), ("dataset", "/datasets"), ("space", "/spaces"), ("kernel", "/kernels")],
)
def test_type_of_a_repository_comes_first(kind: str | None, prefix: str) -> None:
    """A model's is left out."""
    assert hf_hub_url("a/b", "c", repo_type=kind) == f"{HUB}{prefix}/a/b/resolve/main/c"


@pytest.mark.parametrize(
    ("revision", "quoted"),
    [(None, "main"), ("v1.0", "v1.0"), ("refs/pr/1", "refs%2Fpr%2F1"), ("a b", "a%20b"), ("f" * 40, "f" * 40)],
)
def test_revision_is_one_part_of_the_path(revision: str | None, quoted: str) -> None:
    """Slashes in it would begin the next."""
    assert hf_hub_url("a/b", "c", revision=revision) == f"{HUB}/a/b/resolve/{quoted}/c"


@pytest.mark.parametrize(("subfolder", "path"), [(None, "c"), ("", "c"), ("x", "x/c"), ("x/y/", "x/y/c")])
def test_subfolder_comes_before_the_name(subfolder: str | None, path: str) -> None:
    """``""`` is none."""
    assert hf_hub_url("a/b", "c", subfolder=subfolder) == f"{HUB}/a/b/resolve/main/{path}"


@pytest.mark.parametrize("endpoint", ["http://hub.example:8000/mirror", "http://hub.example:8000/mirror/"])
def test_endpoint_is_the_given_one_or_the_environments(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """A slash at its end is not doubled."""
    given = hf_hub_url("a/b", "c", endpoint=endpoint)
    monkeypatch.setenv("HF_ENDPOINT", endpoint)

    assert given == hf_hub_url("a/b", "c") == "http://hub.example:8000/mirror/a/b/resolve/main/c"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"repo_id": "a/b/c"}, HFValidationError),
        ({"repo_type": "modle"}, InvalidParameterError),
        ({"filename": "../c"}, UnsafePathError),
        ({"subfolder": "..", "filename": "c"}, UnsafePathError),
        ({"subfolder": "/"}, UnsafePathError),
        ({"filename": ""}, InvalidParameterError),
        ({"filename": None}, InvalidParameterError),
        ({"revision": ".."}, UnsafePathError),
        ({"endpoint": "hub.example"}, InvalidParameterError),
    ],
    ids=repr,
)
def test_what_can_be_no_address_is_an_error_of_value(arguments: dict[str, str], error: type[Exception]) -> None:
    """With a class that tells which part it is."""
    with pytest.raises(error) as caught:
        hf_hub_url(**{"repo_id": "a/b", "filename": "c", **arguments})

    assert isinstance(caught.value, ValueError)


def test_plan_is_told_file_by_file() -> None:
    """What is here is cached, linked or not; of a size that nobody knows there is none."""
    files = [
        PlannedFile(name="a", size=1, path=Path("/c/a"), is_present=True, is_near=False),
        PlannedFile(name="b", size=2, path=Path("/c/b"), is_present=False, is_near=True),
        PlannedFile(name="c", size=None, path=Path("/c/c"), is_present=False, is_near=False),
    ]

    told = dry_run_infos(Plan(path=Path("/c"), commit="f" * 40, files=tuple(files), free=None))

    assert told == [
        DryRunFileInfo("f" * 40, 1, "a", "/c/a", is_cached=True, will_download=False),
        DryRunFileInfo("f" * 40, 2, "b", "/c/b", is_cached=True, will_download=False),
        DryRunFileInfo("f" * 40, None, "c", "/c/c", is_cached=False, will_download=True),
    ]


def test_metadata_have_the_names_and_the_order_of_newer_clients() -> None:
    """Some take them apart by position."""
    told = HfFileMetadata("commit", "etag", "location", 7)

    assert (told.commit_hash, told.etag, told.location, told.size, told.xet_file_data) == (
        "commit",
        "etag",
        "location",
        7,
        None,
    )
