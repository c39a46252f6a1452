"""The nouns that flow: what is asked for, where it may come from, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from weighbridge.core.digests import Digest
from weighbridge.core.errors import RequestError
from weighbridge.core.names import RelativeName
from weighbridge.core.urls import Origin, parse_url, redact

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """One place an artifact may be fetched from.

    Attributes:
        url: Absolute http(s) URL without credentials.
        origin: The origin the secrets below belong to; no other origin ever sees them.
        secrets: Request headers that only ``origin`` may see, such as ``Authorization``.
    """

    url: str
    origin: Origin
    secrets: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)

    @classmethod
    def parse(cls, url: str, secrets: Mapping[str, str] = _NO_HEADERS) -> Source:
        """Read a URL; ``https://user:password@…`` becomes a Basic ``Authorization`` secret.

        Raises:
            InvalidURLError: Not an absolute http(s) URL.
            RequestError: A secret would travel over plain http to another machine, or is no header.
        """
        bare, origin, userinfo = parse_url(url)
        headers = dict(secrets)
        if userinfo is not None and "authorization" not in {name.lower() for name in headers}:
            from base64 import b64encode  # noqa: PLC0415 - rarely needed

            headers["Authorization"] = "Basic " + b64encode(userinfo.encode()).decode("ascii")
        for name, value in headers.items():
            if not name or any(each in "\r\n\0" for each in name + value) or ":" in name:
                raise RequestError(f"not a request header: {name!r}")
        if headers and not origin.may_see_secrets:
            raise RequestError(f"credentials for {redact(bare)} would travel over plain http; use https")
        return cls(bare, origin, MappingProxyType(headers))

    def __str__(self) -> str:
        return redact(self.url)

    def __repr__(self) -> str:
        return f"Source({redact(self.url)!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One remote file: the same bytes at each of its sources.

    Attributes:
        name: How it is called in events and errors.
        sources: The primary first, then helpers; at least one.  Only the primary is believed where
            two disagree, and helpers are used only when a digest was promised or the primary failed.
        digest: The promised digest, or None when none was promised.
        size: The promised size in bytes, or None when only a server can tell.
    """

    name: str
    sources: tuple[Source, ...]
    digest: Digest | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise RequestError(f"{self.name}: no URL to fetch it from")
        if self.size is not None and self.size < 0:
            raise RequestError(f"{self.name}: a size is not negative: {self.size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest:
    """A file to have in a directory.

    Attributes:
        name: Where, relative to the directory.
        artifact: What.
    """

    name: RelativeName
    artifact: Artifact

    @classmethod
    def parse(
        cls,
        name: str,
        url: str,
        digest: str | Digest | None = None,
        *,
        mirrors: tuple[str, ...] = (),
        size: int | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> FileRequest:
        """Read a request from text.

        Args:
            name: Relative path of the file in the directory.
            url: The primary source.
            digest: ``sha256:…``, ``md5:…``, bare hex, or None.
            mirrors: Further URLs of the same bytes.
            size: Promised size in bytes, if known.
            headers: Secrets for the origin of ``url`` only.

        Raises:
            RequestError: Any of them can't be used; the subclass tells which.
        """
        promised = Digest.parse(digest) if isinstance(digest, str) else digest
        sources = (Source.parse(url, headers), *(Source.parse(each) for each in mirrors))
        artifact = Artifact(name=name, sources=sources, digest=promised, size=size)
        return cls(name=RelativeName.parse(name), artifact=artifact)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What became of one requested file.

    Attributes:
        name: As requested.
        path: Absolute path of the verified file.
        size: Its size in bytes.
        digest: The digest that was checked; None if none was promised.
        outcome: ``fetched``; ``present``: it was there and right; ``joined``: another process fetched it
            meanwhile.
        bytes_fetched: Body bytes that came over the network for it, thrown-away ones included.
        bytes_resumed: Bytes taken over from an earlier, unfinished run.
        seconds: From claim to name; 0.0 unless fetched.
        source: Redacted URL of the source that gave the most bytes; None unless fetched.
    """

    name: str
    path: Path
    size: int
    digest: Digest | None
    outcome: Literal["fetched", "present", "joined"]
    bytes_fetched: int = 0
    bytes_resumed: int = 0
    seconds: float = 0.0
    source: str | None = None
