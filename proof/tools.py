"""What a tool is to the suite: a job turned into a command, and the place where its file would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Protocol
from urllib.parse import quote


class Kind(Enum):
    """What a tool may be able to do."""

    FILE = auto()
    """One file."""
    SNAPSHOT = auto()
    """All files of a commit, by one call."""
    CACHE = auto()
    """Have files in a cache that several calls and versions share."""
    LINK = auto()
    """Take the address of a file, wherever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a tool is to do.

    Attributes:
        endpoint: Origin of the Hub.
        repo: The repository's id.
        path: Of the file; None is all files.
        revision: Branch, tag or commit.
        digest: SHA-256 that the Hub's listing promises, for tools that can be told; None is none.
        home: For all that the tool keeps; the Hugging Face cache is ``hub`` in it.
        target: Directory for tools that are told where.
        token: For the endpoint; None is none.
        link: Address to have instead of the file's own, for tools that take addresses.
        into_target: Whether tools that have a cache are to put plain files into ``target`` instead.
    """

    endpoint: str
    repo: str
    path: str | None
    revision: str = "main"
    digest: str | None = None
    home: Path
    target: Path
    token: str | None = None
    link: str | None = None
    into_target: bool = False

    @property
    def url(self) -> str:
        """Where the file is asked for."""
        return self.link or f"{self.endpoint}/{self.repo}/resolve/{quote(self.revision)}/{quote(self.path or '')}"

    @property
    def cache(self) -> Path:
        """The Hugging Face cache."""
        return self.home / "hub"


@dataclass(frozen=True, slots=True)
class Command:
    """What is run.

    Attributes:
        argv: Program, as an absolute path, and its arguments; no shell sees them.
        env: Added to a bare environment.
        stdin: What it reads there.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""


class Tool(Protocol):
    """One way to have a file, as its careful user would go it."""

    @property
    def name(self) -> str:
        """As printed."""

    @property
    def internal_codes(self) -> frozenset[int]:
        """Exit codes that tell of an error that nobody meant to tell."""

    def version(self) -> str:
        """Return what it says of itself."""

    def command(self, job: Job) -> Command:
        """Return what does the job."""

    def where(self, job: Job) -> Path:
        """Return where the file, or all files, would be after a success."""

    def can(self, kind: Kind) -> bool:
        """Say whether it can do such a thing at all."""
