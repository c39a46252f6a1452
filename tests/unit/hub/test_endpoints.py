"""Addresses: every name means itself, and none leads elsewhere."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidParameterError, InvalidURLError
from weighbridge.core.repos import Kind, RepoId
from weighbridge.core.urls import Origin
from weighbridge.hub.endpoints import Endpoint

HUB = Endpoint.parse("https://huggingface.co")
MODEL = RepoId(Kind.MODEL, "org/name")
COMMIT = "c" * 40


@pytest.mark.parametrize(
    ("repo", "revision", "path", "expected"),
    [
        (MODEL, "main", "config.json", "org/name/resolve/main/config.json"),
        (MODEL, None, "config.json", "org/name/resolve/main/config.json"),
        (RepoId(Kind.MODEL, "gpt2"), "main", "a/b.bin", "gpt2/resolve/main/a/b.bin"),
        (RepoId(Kind.DATASET, "org/name"), "main", "a", "datasets/org/name/resolve/main/a"),
        (RepoId(Kind.SPACE, "org/name"), "main", "a", "spaces/org/name/resolve/main/a"),
        (RepoId(Kind.KERNEL, "org/name"), "main", "a", "kernels/org/name/resolve/main/a"),
        (MODEL, "refs/pr/1", "a", "org/name/resolve/refs%2Fpr%2F1/a"),
        (
            MODEL,
            "main",
            "sub dir/a b#c?d%e+é.txt",
            "org/name/resolve/main/sub%20dir/a%20b%23c%3Fd%25e%2B%C3%A9.txt",
        ),
        (MODEL, "main", "~a_b-c.d", "org/name/resolve/main/~a_b-c.d"),
    ],
)
def test_file_has_its_address(repo: RepoId, revision: str | None, path: str, expected: str) -> None:
    """Every kind, revision and odd name is found where the Hub keeps it."""
    assert HUB.file_url(repo, revision, path) == f"https://huggingface.co/{expected}"


@pytest.mark.parametrize(
    ("repo", "expected"),
    [
        (MODEL, "api/models/org/name/revision/refs%2Fpr%2F1"),
        (RepoId(Kind.DATASET, "name"), "api/datasets/name/revision/refs%2Fpr%2F1"),
        (RepoId(Kind.KERNEL, "org/name"), "api/kernels/org/name/revision/refs%2Fpr%2F1"),
    ],
)
def test_revision_has_its_address(repo: RepoId, expected: str) -> None:
    """The commit of a branch whose name has slashes can be asked for."""
    assert HUB.revision_url(repo, "refs/pr/1") == f"https://huggingface.co/{expected}"


def test_listing_has_its_address() -> None:
    """All files of a commit come from one call, without what costs the server more."""
    expected = f"https://huggingface.co/api/spaces/org/name/tree/{COMMIT}?recursive=true&expand=false"

    assert HUB.tree_url(RepoId(Kind.SPACE, "org/name"), COMMIT) == expected


def test_folder_of_a_listing_is_one_part_of_the_address() -> None:
    """A folder in a folder is not taken for more of the path."""
    expected = f"https://huggingface.co/api/models/org/name/tree/{COMMIT}/a%2Fb%20c?recursive=true&expand=false"

    assert HUB.tree_url(MODEL, COMMIT, "a/b c") == expected


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("https://huggingface.co/", "https://huggingface.co"),
        ("https://mirror.example//", "https://mirror.example"),
        ("https://mirror.example/hub/", "https://mirror.example/hub"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://mirror.example/#top", "https://mirror.example"),
    ],
)
def test_endpoint_has_no_slash_at_its_end(given_url: str, expected: str) -> None:
    """Two slashes in a row are another address to some servers."""
    assert Endpoint.parse(given_url).url == expected


def test_endpoint_may_have_a_path() -> None:
    """A mirror below a path of a larger server can be used."""
    endpoint = Endpoint.parse("https://host.example/hub")

    assert endpoint.file_url(MODEL, None, "a") == "https://host.example/hub/org/name/resolve/main/a"
    assert endpoint.origin == Origin("https", "host.example", 443)


def test_password_of_an_endpoint_is_in_no_address() -> None:
    """It is sent as a header to its origin, and shown nowhere."""
    endpoint = Endpoint.parse("https://user:s3cret@mirror.example")

    shown = (endpoint.file_url(MODEL, None, "a"), repr(endpoint), str(endpoint), endpoint.page_url(MODEL))
    assert "s3cret" not in "".join(shown)
    assert endpoint.userinfo == "user:s3cret"


@pytest.mark.parametrize(
    "url", ["", "huggingface.co", "ftp://huggingface.co", "https://", "https://h/?a=b", "file:///x"]
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    """A typing error in the endpoint is told before anything is sent."""
    with pytest.raises(InvalidURLError):
        Endpoint.parse(url)


@pytest.mark.parametrize(
    "path", ["../a", "a/../../b", "/a", "a//b", "./a", "", "a/..", "C:/a", "\\\\h\\a", "a\0b", "\ud800"]
)
def test_path_that_leads_elsewhere_has_no_address(path: str) -> None:
    """A name with dots asks for no other repository's file."""
    with pytest.raises(InvalidParameterError):
        HUB.file_url(MODEL, "main", path)


@pytest.mark.parametrize("revision", ["..", "a/../b", "", "a\nb", "/main"])
def test_revision_that_leads_elsewhere_has_no_address(revision: str) -> None:
    """Nor does a revision."""
    with pytest.raises(ValueError, match="revision"):
        HUB.revision_url(MODEL, revision)


@given(st.lists(st.text(st.characters(exclude_characters="/\\\0", exclude_categories=("Cs",)), min_size=1), min_size=1))
def test_address_means_the_file_and_nothing_else(parts: list[str]) -> None:
    """Whatever a file is called, a server that splits and unquotes finds that name."""
    path = "/".join(parts)
    try:
        found = urlsplit(HUB.file_url(MODEL, "main", path))
    except InvalidParameterError:
        return

    assert unquote(found.path) == f"/org/name/resolve/main/{path}"
    assert found.path.isascii()
    assert not found.query
    assert not found.fragment
