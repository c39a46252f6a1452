"""What the heads of answers tell about a file; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from weighbridge.core.errors import FileMetadataError
from weighbridge.core.etags import blob_name
from weighbridge.core.repos import RepoFile, is_commit
from weighbridge.core.urls import origin_of, redact
from weighbridge.http.messages import parse_content_range, parse_length
from weighbridge.http.redirects import STATUSES, next_hop

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_IDENTITY = ("", "identity")


@dataclass(frozen=True, slots=True)
class Hop:
    """The head of one answer on the way to a file.

    Attributes:
        url: Asked.
        status: As sent.
        headers: As sent.
    """

    url: str = field(repr=False)  # may be signed
    status: int
    headers: Mapping[str, str] = field(repr=False)

    @property
    def location(self) -> str | None:
        """Where it sends to, as sent; None if it is no redirect."""
        return self.headers.get("Location") if self.status in STATUSES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a Hub tells about a file before it sends it.

    Attributes:
        commit: Of the revision that was asked for; 40 hex digits.
        etag: What the content is called in a cache; without quotes, and safe as the name of a file.
        size: In bytes; None if it was not told.
        location: Where the content is; may be signed.
        xet_hash: Kept for other clients, never asked for.
    """

    commit: str
    etag: str
    size: int | None
    location: str = field(repr=False)
    xet_hash: str | None = None

    def file(self, path: str) -> RepoFile:
        """Return the same as a file of a commit."""
        is_large = _SHA256.fullmatch(self.etag) is not None
        return RepoFile(
            path=path,
            size=self.size,
            blob_id="" if is_large else self.etag,
            sha256=self.etag if is_large else None,
            xet_hash=self.xet_hash,
        )


@dataclass(frozen=True, slots=True)
class Head:
    """What any server tells about a file, as it tells it.

    Attributes:
        commit: As sent; None if it was not.
        etag: As sent, quotes and all; None if it was not.
        size: In bytes; None if it was not told.
        location: Where the content is; may be signed.
        xet_hash: As sent; None if it was not.
    """

    commit: str | None
    etag: str | None
    size: int | None
    location: str = field(repr=False)
    xet_hash: str | None = None


def read_head(hops: Sequence[Hop]) -> Head:
    """Return what the heads on the way to a file tell, believing everything."""
    return Head(_last(hops, "X-Repo-Commit"), _etag(hops), _size(hops), _location(hops[-1]), _last(hops, "X-Xet-Hash"))


def is_told(hops: Sequence[Hop]) -> bool:
    """Tell whether somebody on the way has named both commit and content, so that nobody else need be asked."""
    return _last(hops, "X-Repo-Commit") is not None and _etag(hops) is not None


def read_metadata(hops: Sequence[Hop]) -> Metadata:
    """Read what the heads tell, from the first that was asked to the last.

    The last that tells something is believed, but for two things.  An ``ETag`` of the origin that was asked first
    counts more than one of elsewhere, which names bytes in that place's own way.  And ``X-Linked-Etag`` and
    ``X-Linked-Size``, wherever they stand, count more than ``ETag`` and ``Content-Length``.

    Args:
        hops: At least one.

    Raises:
        FileMetadataError: No commit, or no ETag that can be the name of a file.
    """
    shown, head = redact(hops[0].url), read_head(hops)
    commit, raw = head.commit, head.etag
    if commit is None or not is_commit(commit):
        lack = "does not tell the commit (X-Repo-Commit)" if commit is None else "tells a commit that can't be one"
        raise FileMetadataError(f"{shown} {lack}; its server, or a proxy on the way, does not speak as a Hub does")
    etag = blob_name(raw)
    if etag is None:
        lack = "has no ETag" if raw is None else "has an ETag that can't be the name of a file"
        raise FileMetadataError(f"{shown} {lack}, so its content can't be told apart from other content")
    xet_hash = head.xet_hash or ""
    return Metadata(
        commit=commit,
        etag=etag,
        size=head.size,
        location=head.location,
        xet_hash=xet_hash if _SHA256.fullmatch(xet_hash) else None,
    )


def _told(hops: Sequence[Hop], name: str) -> Iterator[str]:
    return (value for hop in reversed(hops) if (value := hop.headers.get(name, "").strip()))


def _last(hops: Sequence[Hop], name: str) -> str | None:
    return next(_told(hops, name), None)


def _etag(hops: Sequence[Hop]) -> str | None:
    home = origin_of(hops[0].url)
    own = [hop for hop in hops if origin_of(hop.url) == home]
    return _last(hops, "X-Linked-Etag") or _last(own, "ETag") or _last(hops, "ETag")


def _size(hops: Sequence[Hop]) -> int | None:
    linked, last = _last(hops, "X-Linked-Size") or "", hops[-1]
    part = parse_content_range(last.headers.get("Content-Range"))
    if _LENGTH.fullmatch(linked):
        return int(linked)
    if part is not None:
        return part.size
    if last.location is not None or last.headers.get("Content-Encoding", "").strip().lower() not in _IDENTITY:
        return None
    return parse_length(last.headers)


def _location(last: Hop) -> str:
    return last.url if last.location is None else next_hop(last.url, last.location)
