"""Which repository is meant, and what one of its commits holds: values that are safe as names of folders."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum
from typing import Self

from weighbridge.core.artifacts import Promise
from weighbridge.core.digests import Digest
from weighbridge.core.errors import HFValidationError, InvalidParameterError, UnsafePathError
from weighbridge.core.etags import digest_of
from weighbridge.core.names import RelativeName

_SEGMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:")
_OURS = re.compile(r"\.wb-(partial|claim)(/|$)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_REVISION = 1024
_SHOWN = 1024  # characters of a path in an error
_DEEPEST = 256  # parts of a path; no repository has so many, and who walks through directories may stumble over more


class Kind(Enum):
    """What kind of repository; the value is its plural in addresses and names of folders."""

    MODEL = "models"
    DATASET = "datasets"
    SPACE = "spaces"
    KERNEL = "kernels"

    @property
    def word(self) -> str:
        """The kind in the singular."""
        return self.value.removesuffix("s")

    @property
    def prefix(self) -> str:
        """What stands before the id in the addresses of files."""
        return "" if self is Kind.MODEL else f"{self.value}/"

    @classmethod
    def of_word(cls, word: str | None) -> Self:
        """Return the kind that ``model``, ``dataset``, ``space``, ``kernel`` or None (a model) means.

        Raises:
            InvalidParameterError: It means none.
        """
        known = {each.word: each for each in cls}
        given: object = "model" if word is None else word
        if given not in known:
            raise InvalidParameterError(f"a repository's type is one of {', '.join(known)}, or None, not {word!r}")
        return known[word or "model"]


@dataclass(frozen=True, slots=True)
class RepoId:
    """A repository.

    Attributes:
        kind: What it is.
        name: One or two segments, joined by ``/``.

    Raises:
        HFValidationError: The name could not be one (the Hub's rule: ASCII letters, digits, ``-``, ``_`` and ``.``,
            1 to 96 of them in each segment, none of ``-`` and ``.`` at either end, no ``--``, no ``..``).
    """

    kind: Kind
    name: str

    def __post_init__(self) -> None:
        given: object = self.name
        if not isinstance(given, str):
            raise HFValidationError(f"a repository's id is text like 'org/name', not {type(given).__name__}")
        segments = self.name.split("/")
        is_sound = len(segments) <= 2 and all(_SEGMENT.fullmatch(each) for each in segments)  # noqa: PLR2004
        if not is_sound or "--" in self.name or ".." in self.name or self.name.endswith(".git"):
            raise HFValidationError(
                f"not the id of a repository: {self.name!r}; it is 'name' or 'org/name' of ASCII letters, digits, '-', "
                "'_' and '.', at most 96 in each, without '--' or '..', and does not begin or end with '-' or '.'"
            )

    def __str__(self) -> str:
        return f"{self.kind.word} {self.name}"

    @property
    def folder(self) -> str:
        """The name of its folder in a cache, such as ``models--org--name``."""
        return "--".join((self.kind.value, *self.name.split("/")))

    @property
    def address(self) -> str:
        """Where its files are, without a leading slash, such as ``datasets/org/name``."""
        return f"{self.kind.prefix}{self.name}"

    @classmethod
    def of_folder(cls, folder: str) -> Self | None:
        """Return the repository whose folder in a cache has that name; None if it is nobody's."""
        kind, separator, rest = folder.partition("--")
        if not separator or kind not in {each.value for each in Kind}:
            return None
        try:
            found = cls(Kind(kind), rest.replace("--", "/"))
        except HFValidationError:
            return None
        return found if found.folder == folder else None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``org/name``, ``datasets/org/name``, ``spaces/…`` or ``kernels/…``.

        Raises:
            HFValidationError: It could not be one.
        """
        head, _, rest = text.partition("/")
        if head in {"models", "datasets", "spaces", "kernels"} and rest:
            return cls(Kind(head), rest)
        return cls(Kind.MODEL, text)


def is_commit(text: str) -> bool:
    """Tell whether ``text`` is a full commit, rather than the name of a branch or tag."""
    return _COMMIT.fullmatch(text) is not None


def check_revision(revision: str | None) -> str:
    """Return the name of a branch or tag, or a commit, as it may be asked for and noted; None means ``main``.

    Raises:
        UnsafePathError: As the path of a ref it would lead elsewhere.
        InvalidParameterError: It is no text, empty, or holds control characters.
    """
    given: object = "main" if revision is None else revision
    if not isinstance(given, str) or not given or len(given) > _LONGEST_REVISION or not given.isprintable():
        raise InvalidParameterError(f"a revision is the name of a branch or tag, or a commit, not {given!r}")
    return repo_path(given, "revision").text


def repo_path(text: str, what: str = "file") -> RelativeName:
    """Read the path of a file in a repository, as a caller or a listing gives it.

    It need not be one that can be made on every system: repositories have what they have.  Refused is what could lead
    elsewhere, here or on a system that shares the cache.

    Args:
        text: With ``/``.
        what: What to call it in errors.

    Raises:
        UnsafePathError: It is absolute, has a drive or a UNC prefix or ``..`` between slashes of either kind, is deeper
            than any repository is, is not valid Unicode, or is a name that this package keeps for unfinished files.
        InvalidParameterError: It is no text, or empty.
    """
    given: object = text
    if not isinstance(given, str) or not given:
        raise InvalidParameterError(f"the path of a {what} is text that is not empty, not {given!r}")
    parts = re.split(r"[/\\]", given)
    is_outside = given[0] in "/\\" or _DRIVE.match(given) or ".." in parts or "." in parts or "" in parts
    is_odd = (
        len(parts) > _DEEPEST
        or "\0" in given
        or _OURS.search(given)
        or _SURROGATE.search(given)
        or (os.name == "nt" and "\\" in given)
    )
    if is_outside or is_odd:
        raise UnsafePathError(
            f"the {what} {given[:_SHOWN]!r} can't be one of a repository, or could lead outside of it; give a relative "
            f"path without '..', of at most {_DEEPEST} parts",
            name=given,
        )
    return RelativeName.parse(given) if os.name == "nt" else RelativeName(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoFile:
    """One file of a commit.

    Attributes:
        path: Its path in the repository, with ``/``; :func:`repo_path` has read it.
        size: In bytes; None if nobody has told.
        blob_id: SHA-1 of the git blob: of its content, or of the pointer that stands for a large file.  Of a server
            that is no Hub, its ETag without quotes, if that can be a file's name.  "" if unknown.
        sha256: Hex digest of its content if it is kept outside git; None if it is not.
        pointer_size: Bytes of that pointer; None if it has none, or nobody has told.
        xet_hash: As listings tell it; kept for other clients, never asked for.
    """

    path: str
    size: int | None
    blob_id: str
    sha256: str | None = None
    pointer_size: int | None = None
    xet_hash: str | None = None

    @classmethod
    def of_etag(cls, path: str, etag: str) -> Self:
        """Return a file of which no more is known than what its content is called in a cache."""
        digest = digest_of(etag)
        sha256 = etag if digest is not None and digest.algorithm == "sha256" else None
        return cls(path=path, size=None, blob_id="" if sha256 else etag, sha256=sha256)

    @property
    def etag(self) -> str:
        """What its content is called in a cache: its SHA-256, or its git blob's SHA-1."""
        return self.sha256 or self.blob_id

    @property
    def algorithm(self) -> str | None:
        """Of which digest its etag is the value; None if it is none, as with servers that are no Hub."""
        if self.sha256:
            return "sha256"
        return "git-sha1" if is_commit(self.blob_id) else None

    @property
    def digest(self) -> Digest | None:
        """The digest that its content must have; None if nobody has told it."""
        algorithm = self.algorithm
        return None if algorithm is None else Digest(algorithm, self.etag)

    @property
    def promise(self) -> Promise:
        """What it must be."""
        return Promise(self.digest, self.size)


@dataclass(frozen=True, slots=True)
class Tree:
    """All files of a commit.

    Attributes:
        commit: 40 hex digits.
        files: Sorted by path, each path once.
    """

    commit: str
    files: tuple[RepoFile, ...]
