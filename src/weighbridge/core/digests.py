"""A content digest (md5, sha1, sha256, blake3, git blob sha1, …) as a value, and its incremental hasher."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol, Self

from weighbridge.core.errors import InvalidDigestError
from weighbridge.core.urls import redact

_BARE = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_HEX_LENGTHS = {name: length for length, name in _BARE.items()} | {"blake3": 64, "git-sha1": 40}
_ALIASES = {f"sha-{bits}": f"sha{bits}" for bits in (1, 224, 256, 384, 512)}
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_SHOWN = 200  # characters of a wrong digest that a message repeats

ALGORITHMS = tuple(_HEX_LENGTHS)
"""Names accepted before the colon, as in ``sha256:…``; ``git-sha1`` is the name git gives a blob."""


class Hasher(Protocol):
    """What hashlib's objects do, as far as we need it."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Add ``data``; releases the interpreter lock for large blocks."""

    def hexdigest(self) -> str:
        """Return the lower-case hex of all that was added so far."""

    def copy(self) -> Self:
        """Return an independent hasher in the same state."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A promised or computed content digest.

    Attributes:
        algorithm: One of :data:`ALGORITHMS`.
        value: Lower-case hex.

    Raises:
        InvalidDigestError: The two don't fit together.
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        if not _fits(self.algorithm, self.value):
            raise _refusal(f"{self.algorithm}:{self.value}")

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``sha256:…`` (also ``sha-256=…``), or bare hex whose length tells the algorithm.

        Bare hex of 32, 40, 56, 64, 96 or 128 digits is md5, sha1, sha224, sha256, sha384 or sha512.
        Upper case and surrounding white space are accepted.

        Raises:
            InvalidDigestError: Unknown algorithm, not hex, or a length that doesn't fit.
        """
        given: object = text
        if not isinstance(given, str):
            kind = type(given).__name__
            raise InvalidDigestError(f"a digest is text like 'sha256:…', not {kind}", text=kind)
        name, separator, value = text.strip().lower().replace("=", ":", 1).rpartition(":")
        if not separator:
            name = _BARE.get(len(value), "")
        name = _ALIASES.get(name, name)
        if not _fits(name, value):
            raise _refusal(text)
        return cls(name, value)

    def hasher(self, size: int | None = None) -> Hasher:
        """Return a fresh hasher of this algorithm.

        Args:
            size: Whole length in bytes; needed for ``git-sha1``, whose header holds it.

        Raises:
            InvalidDigestError: The optional package ``blake3`` is absent, or ``git-sha1`` has no size.
        """
        return new_hasher(self.algorithm, size)


def new_hasher(algorithm: str, size: int | None = None) -> Hasher:
    """Return a fresh hasher of ``algorithm``; see :meth:`Digest.hasher`."""
    if algorithm == "git-sha1":
        if size is None:
            raise InvalidDigestError("a git-sha1 digest needs the file's size, which no server told", text=algorithm)
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    if algorithm == "blake3":
        return _blake3()
    return hashlib.new(algorithm, usedforsecurity=False)


def ensure_available(digest: Digest) -> None:
    """Fail now rather than after the transfer if ``digest`` can't be computed here.

    Raises:
        InvalidDigestError: The optional package ``blake3`` is absent.
    """
    if digest.algorithm == "blake3":
        _blake3()


def _fits(algorithm: str, value: str) -> bool:
    return _HEX_LENGTHS.get(algorithm) == len(value) and _HEX.fullmatch(value) is not None


def _refusal(text: str) -> InvalidDigestError:
    shown = redact(text) if "://" in text else text[:_SHOWN]  # arguments get mixed up, and URLs hold secrets
    return InvalidDigestError(
        f"not a digest: {shown!r}; give ALGORITHM:HEX with one of {', '.join(ALGORITHMS)}, or bare hex of md5, sha1 or "
        "sha2 length",
        text=shown,
    )


def _blake3() -> Hasher:
    try:
        from blake3 import blake3  # noqa: PLC0415 - optional dependency
    except ImportError as error:
        raise InvalidDigestError(
            "blake3 digests need the optional package: pip install 'weighbridge[blake3]'", text="blake3"
        ) from error
    hasher: Hasher = blake3()
    return hasher
