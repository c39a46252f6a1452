"""Which repository is meant: its kind and its id, as values that are safe as names of folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Self

_SEGMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_LONGEST_ID = 96


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


@dataclass(frozen=True, slots=True)
class RepoId:
    """A repository.

    Attributes:
        kind: What it is.
        name: One or two segments, joined by ``/``.

    Raises:
        ValueError: The name could not be one.
    """

    kind: Kind
    name: str

    def __post_init__(self) -> None:
        segments = self.name.split("/")
        is_sound = len(segments) <= 2 and all(_SEGMENT.fullmatch(each) for each in segments)  # noqa: PLR2004
        if not is_sound or len(self.name) > _LONGEST_ID or "--" in self.name or ".." in self.name:
            raise ValueError(f"not the name of a repository: {self.name!r}")

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
        except ValueError:
            return None
        return found if found.folder == folder else None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``org/name``, ``datasets/org/name``, ``spaces/…`` or ``kernels/…``.

        Raises:
            ValueError: It could not be one.
        """
        head, _, rest = text.partition("/")
        if head in {"models", "datasets", "spaces", "kernels"} and rest:
            return cls(Kind(head), rest)
        return cls(Kind.MODEL, text)


def is_commit(text: str) -> bool:
    """Tell whether ``text`` is a full commit, rather than the name of a branch or tag."""
    return _COMMIT.fullmatch(text) is not None
