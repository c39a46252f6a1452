"""The nouns that flow: what is asked for, where it may come from, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidNameError, RequestError
from weighbridge.core.names import RelativeName
from weighbridge.core.urls import Origin, parse_url, redact

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110, section 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset({"accept-encoding", "connection", "content-length", "if-range", "range", "transfer-encoding"})


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """One place an artifact may be fetched from.

    Attributes:
        url: Absolute http(s) URL without credentials.
        origin: The origin the secrets below belong to; no other origin ever sees them.
        secrets: Request headers that only ``origin`` may see, such as ``Authorization``.
        lead: Where ``url`` led a moment ago, asked first: it saves a redirect.  It may have expired: then ``url`` is
            asked.  None if nobody knows.

    Raises:
        RequestError: A secret would travel over plain http to another machine, is no header, or one of those that
            decide what an answer means.
    """

    url: str
    origin: Origin
    secrets: Mapping[str, str] = field(default_factory=dict)
    lead: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "secrets", dict(self.secrets))  # ours from now on
        for name, value in self.secrets.items():
            _check_header(name, value)
        if self.secrets and not self.origin.may_see_secrets:
            raise RequestError(
                f"credentials for {redact(self.url)} would travel over plain http; use https, or give none"
            )

    @classmethod
    def parse(cls, url: str, secrets: Mapping[str, str] | None = None) -> Source:
        """Read a URL; ``https://user:password@…`` becomes a Basic ``Authorization`` secret.

        Raises:
            InvalidURLError: Not an absolute http(s) URL.
            RequestError: See :class:`Source`.
        """
        bare, origin, userinfo = parse_url(url)
        headers = dict(secrets or {})
        if userinfo is not None and "authorization" not in {str(name).lower() for name in headers}:
            from base64 import b64encode  # noqa: PLC0415 - rarely needed

            headers["Authorization"] = "Basic " + b64encode(userinfo.encode()).decode("ascii")
        return cls(bare, origin, headers)

    def __str__(self) -> str:
        return redact(self.url)

    def __repr__(self) -> str:
        return f"Source({redact(self.url)!r})"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a file must be; each of the two is None if nobody has promised it.

    Attributes:
        digest: Of its content.
        size: In bytes.
    """

    digest: Digest | None
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One remote file: the same bytes at each of its sources.

    Attributes:
        name: How it is called in events and errors.
        sources: The primary first, then helpers; at least one.  Only the primary is believed where
            two disagree, and helpers are used only when a digest was promised or the primary failed.
        digest: The promised digest, or None when none was promised.
        size: The promised size in bytes, or None when only a server can tell.

    Raises:
        RequestError: No source, or something that can't be a digest or a size.
    """

    name: str
    sources: tuple[Source, ...]
    digest: Digest | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        size: object = self.size
        if not self.sources:
            raise RequestError(f"{self.name}: no URL to fetch it from")
        if not isinstance(self.digest, Digest | None):
            raise RequestError(f"{self.name}: a digest is a Digest or None, not {type(self.digest).__name__}")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
            raise RequestError(f"{self.name}: a size is a number of bytes, not {size!r}")

    @property
    def promise(self) -> Promise:
        """What the file must be."""
        return Promise(self.digest, self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest:
    """A file to have in a directory.

    Attributes:
        name: Where, relative to the directory.
        artifact: What.
    """

    name: RelativeName
    artifact: Artifact

    def __post_init__(self) -> None:
        given: object = self.name
        if not isinstance(given, RelativeName):
            raise InvalidNameError("a request's name is a RelativeName; FileRequest.parse reads one", name=str(given))

    @classmethod
    def parse(  # noqa: PLR0913 - each is a noun of its own, and all but three are named by the caller
        cls,
        name: str,
        url: str,
        digest: str | Digest | None = None,
        *,
        mirrors: Sequence[str] = (),
        size: int | None = None,
        headers: Mapping[str, str] | None = None,
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
        if isinstance(mirrors, str):
            raise RequestError(f"{name}: mirrors are a list of URLs, not one URL")
        place = RelativeName.parse(name)
        promised = Digest.parse(digest) if isinstance(digest, str) else digest
        sources = (Source.parse(url, headers), *(Source.parse(each) for each in mirrors))
        return cls(name=place, artifact=Artifact(name=place.text, sources=sources, digest=promised, size=size))


def _check_header(name: object, value: object) -> None:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise RequestError("no request header can have that name")  # not repeated: name and value get mixed up
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise RequestError(f"the request header {name} can't have that value")
    if name.lower() in _OURS:
        raise RequestError(f"the request header {name} decides what an answer means, so it is set here and not by you")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What became of one requested file.

    Attributes:
        name: As requested.
        path: Absolute path of the verified file.
        size: Its size in bytes.
        digest: The digest that was checked; None if none was promised.
        outcome: ``fetched``; ``present``: it was there and right; ``linked``: its content was on this machine and was
            linked or copied; ``joined``: another process fetched it meanwhile.
        bytes_fetched: Body bytes that came over the network for it, thrown-away ones included.
        bytes_resumed: Bytes taken over from an earlier, unfinished run.
        seconds: From claim to name; 0.0 unless fetched.
        source: Redacted URL of the source that gave the most bytes; None unless fetched.
    """

    name: str
    path: Path
    size: int
    digest: Digest | None
    outcome: Literal["fetched", "present", "linked", "joined"]
    bytes_fetched: int = 0
    bytes_resumed: int = 0
    seconds: float = 0.0
    source: str | None = None
