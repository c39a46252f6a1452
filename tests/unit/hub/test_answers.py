"""What the heads of answers tell about a file."""

from __future__ import annotations

import pytest

from weighbridge.core.errors import FileMetadataError
from weighbridge.core.repos import RepoFile
from weighbridge.hub.answers import Hop, is_told, read_metadata

COMMIT, OTHER, BLOB, SHA256 = "c" * 40, "d" * 40, "b" * 40, "5" * 64
HUB, CDN = "https://hub.example/a/b/resolve/main/f", "https://cdn.example/xyz?sig=s3cret"
COMPLETE = {"X-Repo-Commit": COMMIT, "ETag": f'"{BLOB}"', "Content-Length": "7"}


def hop(status: int = 200, url: str = HUB, **headers: str) -> Hop:
    return Hop(url, status, {name.replace("_", "-"): value for name, value in headers.items()})


def test_small_file_is_told_by_one_head() -> None:
    """Commit, name of the content, size and place."""
    told = read_metadata([Hop(HUB, 200, COMPLETE)])

    assert (told.commit, told.etag, told.size, told.location) == (COMMIT, BLOB, 7, HUB)
    assert told.file("f") == RepoFile(path="f", size=7, blob_id=BLOB)


def test_large_file_is_told_by_the_redirect() -> None:
    """The content's own digest and size, not those of the redirect's page."""
    told = read_metadata(
        [
            hop(
                302,
                X_Repo_Commit=COMMIT,
                X_Linked_Etag=f'"{SHA256}"',
                X_Linked_Size="3000000000",
                ETag='"of-the-page"',
                Content_Length="1200",
                X_Xet_Hash="7" * 64,
                Location=CDN,
            )
        ]
    )

    assert (told.commit, told.etag, told.size, told.location) == (COMMIT, SHA256, 3_000_000_000, CDN)
    assert told.file("f") == RepoFile(path="f", size=3_000_000_000, blob_id="", sha256=SHA256, xet_hash="7" * 64)


def test_length_of_a_redirect_is_not_the_files() -> None:
    """The body of a redirect is a page that nobody wants."""
    told = read_metadata([hop(302, X_Repo_Commit=COMMIT, ETag=f'"{BLOB}"', Content_Length="12", Location=CDN)])

    assert told.size is None


@pytest.mark.parametrize(
    ("status", "headers", "size"),
    [
        (200, {"Content-Length": "7", "Content-Encoding": "gzip"}, None),
        (200, {"Content-Length": "7", "Content-Encoding": "identity"}, 7),
        (200, {"Content-Length": "seven"}, None),
        (206, {"Content-Length": "1", "Content-Range": "bytes 0-0/70"}, 70),
        (416, {"Content-Length": "20", "Content-Range": "bytes */0"}, 0),
        (200, {"Content-Length": "7", "X-Linked-Size": "70"}, 70),
        (200, {"Content-Length": "7", "X-Linked-Size": "-1"}, 7),
    ],
)
def test_size_is_the_contents(status: int, headers: dict[str, str], size: int | None) -> None:
    """A size that is not the content's would be an error for every right byte."""
    told = read_metadata([Hop(HUB, status, {"X-Repo-Commit": COMMIT, "ETag": f'"{BLOB}"', **headers})])

    assert told.size == size


def test_commit_of_an_earlier_hop_is_kept() -> None:
    """A mirror that redirects to its own blobs names the commit only once."""
    told = read_metadata([hop(302, X_Repo_Commit=COMMIT, Location="/blob"), hop(ETag=f'"{BLOB}"', Content_Length="7")])

    assert (told.commit, told.etag, told.size) == (COMMIT, BLOB, 7)


def test_last_commit_is_believed() -> None:
    """As every client does: the renamed repository knows best."""
    told = read_metadata([hop(307, X_Repo_Commit=OTHER, Location="/new"), Hop(HUB, 200, COMPLETE)])

    assert told.commit == COMMIT


def test_linked_etag_of_an_earlier_hop_counts_more_than_a_later_etag() -> None:
    """The web server behind a mirror has ETags of its own."""
    told = read_metadata([hop(302, X_Linked_Etag=f'"{SHA256}"', Location="/blob"), Hop(HUB, 200, COMPLETE)])

    assert told.etag == SHA256


def test_etag_from_elsewhere_counts_less() -> None:
    """A CDN's ETag has nothing to do with the content's digest."""
    told = read_metadata([hop(302, ETag=f'"{BLOB}"', Location=CDN), hop(url=CDN, X_Repo_Commit=COMMIT, ETag='"cdn-1"')])

    assert told.etag == BLOB


@pytest.mark.parametrize("etag", [None, '""', '"../../../x"', '"a/b"', '"x.lock"', '".hidden"', '"a\\b"', '"é"'])
def test_etag_that_can_name_no_file_is_refused(etag: str | None) -> None:
    """It becomes the name of a file, and would lead outside."""
    headers = {"X-Repo-Commit": COMMIT, **({} if etag is None else {"ETag": etag})}

    with pytest.raises(FileMetadataError, match="ETag"):
        read_metadata([Hop(HUB, 200, headers)])


@pytest.mark.parametrize("commit", [None, "", "main", "C" * 40, "../../x", "c" * 39])
def test_what_is_no_commit_is_refused(commit: str | None) -> None:
    """It becomes the name of a folder, and would lead outside."""
    headers = {"ETag": f'"{BLOB}"', **({} if commit is None else {"X-Repo-Commit": commit})}

    with pytest.raises(FileMetadataError, match="commit"):
        read_metadata([Hop(HUB, 200, headers)])


def test_etag_of_a_server_that_is_no_hub_is_no_digest() -> None:
    """What can't be verified is not mistaken for what can."""
    told = read_metadata([hop(X_Repo_Commit=COMMIT, ETag='W/"5f3-abc"')])

    assert told.file("f").etag == "5f3-abc"
    assert told.file("f").digest is None


def test_signature_of_a_location_is_not_shown() -> None:
    """A signed address is as good as the file."""
    told = read_metadata([hop(302, X_Repo_Commit=COMMIT, ETag=f'"{BLOB}"', Location=CDN)])

    assert "s3cret" not in repr(told)


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ([hop(302, X_Repo_Commit=COMMIT, ETag='"a"')], True),
        ([hop(302, X_Repo_Commit=COMMIT), hop(302, X_Linked_Etag='"a"')], True),
        ([hop(302, X_Repo_Commit=COMMIT)], False),
        ([hop(302, ETag='"a"')], False),
    ],
)
def test_enough_is_told_once_commit_and_content_are(hops: list[Hop], expected: bool) -> None:
    """Nobody else is asked then."""
    assert is_told(hops) is expected
