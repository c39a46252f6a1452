"""What every place tells and does in which files of a commit are kept; and the values it speaks in."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from weighbridge.core.artifacts import Artifact, FileRequest, FileResult, Source
from weighbridge.core.names import RelativeName
from weighbridge.core.repos import RepoFile
from weighbridge.core.snapshots import Kept
from weighbridge.errands import Missing
from weighbridge.store.sight import Sight


@dataclass(frozen=True, slots=True)
class Near:
    """A file that is not in place, and whose content is on this machine.

    Attributes:
        file: Which.
        source: A file with that content.
        sight: What it looked like before it was compared with its digest.
    """

    file: RepoFile
    source: Path
    sight: Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is here of the files of a commit; each is in one of the lists."""

    kept: list[Kept] = field(default_factory=list)
    near: list[Near] = field(default_factory=list)
    missing: list[RepoFile] = field(default_factory=list)


class Judge(Protocol):
    """Tells which of the files that are here, and of which no receipt speaks, are the promised ones."""

    def __call__(self, doubtful: Sequence[tuple[Path, RepoFile]], /) -> list[bool]:
        """Return a verdict for each."""


def sort_near(doubtful: Sequence[Near], judge: Judge, survey: Survey) -> None:
    """Sort content that is on this machine into what is right, and so near, and what is missing."""
    verdicts = judge([(each.source, each.file) for each in doubtful])
    for near, is_right in zip(doubtful, verdicts, strict=True):
        if is_right:
            survey.near.append(near)
        else:
            survey.missing.append(near.file)


class Shelf(Protocol):
    """Keeps the files of one commit."""

    @property
    def path(self) -> Path:
        """Where they are."""

    @property
    def own(self) -> Path:
        """A directory on the same disk in which nothing of ours disturbs other clients; it need not be there yet."""

    def path_of(self, file: RepoFile) -> Path:
        """Return where a file is, or is to be."""

    def use(self) -> None:
        """Keep others of us from removing the commit, as its paths are used from now on; never fails."""

    def survey(self, files: Sequence[RepoFile], judge: Judge) -> Survey:
        """Return what is here of ``files``; changes nothing."""

    def count_needed(self, survey: Survey) -> int:
        """Return how many bytes it takes to have what is not in place, as far as sizes are known."""

    def make_room(self, needed: int) -> Sequence[str]:
        """Have room for what is to come, where there is a limit; nothing that is here of the commit is removed.

        Args:
            needed: How many bytes are to come.

        Returns:
            What was removed for it, and stays wherever it was: a sentence for each.

        Raises:
            CacheLimitError: There can't be so much room.
        """

    def confirm(self, kept: Sequence[Kept]) -> None:
        """Take note that files that were there already are of this commit; never fails."""

    def bring(self, near: Near, stop: threading.Event) -> FileResult:
        """Put a file in place whose content is here; ``stop`` ends a long copy.

        Raises:
            StoreError: It can't be used after all, and must be fetched.
        """

    def missing(self, files: Sequence[RepoFile], sources: Mapping[str, Source]) -> list[Missing]:
        """Return what is to be fetched for ``files``, and make the directories for it."""

    def settle(self, missing: Missing, result: FileResult) -> Sequence[FileResult]:
        """Put a file in place, under all its names, whose content has been fetched."""

    def finish(self) -> None:
        """Make what was done survive a power loss."""


def request_for(file: RepoFile, source: Source) -> FileRequest:
    """Return the request for a file's content."""
    artifact = Artifact(name=file.path, sources=(source,), digest=file.digest, size=file.size)
    return FileRequest(name=RelativeName(file.path), artifact=artifact)
