"""From what was typed to requests: names, digests, mirrors and headers find their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from weighbridge.cli.headers import read_headers
from weighbridge.cli.manifests import Entry, Manifest
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidNameError, InvalidParameterError, RequestError, UntrustedFileError
from weighbridge.core.names import RelativeName
from weighbridge.core.urls import parse_url, redact

_SKIP = ("", "-")
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wish:
    """What was asked for on the command line; shows nothing of itself, since URLs and headers hold secrets.

    Attributes:
        urls: Of the files; with a manifest at most the one that its names are joined to.
        digests: One for each URL, or none at all; ``-`` or nothing skips one.
        name: What to call the only file.
        mirrors: Further URLs: directories, which end in a slash, or of the only file.
        headers: As written, or ``@FILE``.
        allow_unverified: Whether files without a digest are wanted.
    """

    urls: tuple[str, ...]
    digests: tuple[str, ...] = ()
    name: str | None = None
    mirrors: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    allow_unverified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _File:
    """A file before its mirrors and headers are known; ``tail`` is its path below a mirror's directory, escaped."""

    name: str
    urls: tuple[str, ...]
    tail: str
    digest: Digest | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def read_requests(wish: Wish, manifest: Manifest | None) -> tuple[FileRequest, ...]:
    """Return what is asked for.

    Raises:
        InvalidParameterError: The arguments don't fit together; the subclass may tell more.
        UntrustedFileError: A file has no digest and such are not allowed.
    """
    if not wish.urls and manifest is None:
        raise InvalidParameterError("nothing is asked for; give URLs, or a list of them with --manifest")
    files = _read_urls(wish) if manifest is None else _read_entries(wish, manifest)
    headers = read_headers(wish.headers)
    requests = tuple(_request(each, _mirrors_of(each, wish, len(files)), headers) for each in files)
    _check_trust(requests, wish)
    return requests


def _request(file: _File, mirrors: tuple[str, ...], headers: Mapping[str, str]) -> FileRequest:
    return FileRequest.parse(
        file.name, file.urls[0], file.digest, mirrors=(*file.urls[1:], *mirrors), headers={**headers, **file.headers}
    )


def _read_urls(wish: Wish) -> list[_File]:
    if wish.name is not None and len(wish.urls) > 1:
        raise InvalidParameterError("--name names one file; with several URLs use a manifest with out= lines")
    if wish.digests and len(wish.digests) != len(wish.urls):
        raise InvalidParameterError(
            f"{len(wish.digests)} --digest for {len(wish.urls)} URLs; give one for each, in order, or '-' to skip one"
        )
    digests = wish.digests or ("-",) * len(wish.urls)
    return [
        _File(
            name=_name_in(url) if wish.name is None else wish.name,
            urls=(url,),
            tail=_tail_of(url),
            digest=None if digest.strip() in _SKIP else Digest.parse(digest),
        )
        for url, digest in zip(wish.urls, digests, strict=True)
    ]


def _read_entries(wish: Wish, manifest: Manifest) -> list[_File]:
    if wish.digests or wish.name is not None:
        raise InvalidParameterError("--digest and --name are for URLs on the command line; a manifest has its own")
    if len(wish.urls) > 1:
        raise InvalidParameterError("with --manifest give at most one URL: the directory that its names are in")
    base = wish.urls[0] if wish.urls else None
    if base is not None and all(each.urls for each in manifest.entries):
        raise InvalidParameterError("the manifest has URLs of its own; leave out the one on the command line")
    return [_read_entry(each, base) for each in manifest.entries]


def _read_entry(entry: Entry, base: str | None) -> _File:
    headers = dict(entry.headers)
    if entry.urls:
        name = _name_in(entry.urls[0]) if entry.name is None else entry.name
        return _File(name=name, urls=entry.urls, tail=_tail_of(entry.urls[0]), digest=entry.digest, headers=headers)
    if base is None:
        raise InvalidParameterError(
            f"line {entry.line} of the manifest is a name, not a URL; give the URL of its directory: "
            "weighbridge get https://…/ --manifest …"
        )
    name = entry.name or ""
    return _File(name=name, urls=(_join(base, quote(name)),), tail=quote(name), digest=entry.digest)


def _mirrors_of(file: _File, wish: Wish, files: int) -> tuple[str, ...]:
    found: list[str] = []
    for mirror in wish.mirrors:
        if mirror.endswith("/"):
            found.append(_join(mirror, file.tail))
        elif files == 1:
            found.append(mirror)
        else:
            raise InvalidParameterError(
                f"the mirror {redact(mirror)} is one file's; for several files give a directory, which ends in '/'"
            )
    return tuple(found)


def _join(base: str, tail: str) -> str:
    """Return the URL of ``tail``, which is escaped, in the directory ``base``; its query stays."""
    parse_url(base)
    parts = urlsplit(base.strip())
    return urlunsplit(parts._replace(path=f"{parts.path.removesuffix('/')}/{tail}", fragment=""))


def _tail_of(url: str) -> str:
    parse_url(url)
    return urlsplit(url.strip()).path.rpartition("/")[2]


def _name_in(url: str) -> str:
    """Return the file name that a URL suggests."""
    tail = _tail_of(url)
    try:
        return RelativeName.parse(unquote(tail, errors="strict")).text
    except (RequestError, UnicodeDecodeError):
        raise InvalidNameError(
            f"{redact(url)} does not end in a usable file name; give one with --name, or with out= in a manifest",
            name=tail,
        ) from None


def _check_trust(requests: tuple[FileRequest, ...], wish: Wish) -> None:
    names = [each.name.text for each in requests if each.artifact.digest is None]
    if not names or wish.allow_unverified:
        return
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    raise UntrustedFileError(
        f"no digest is known for {shown}, so nothing can tell right bytes from wrong ones; give it with "
        "--digest sha256:… (in a manifest: checksum=sha-256=…), or accept whatever comes with --allow-unverified",
        names=tuple(names),
    )
