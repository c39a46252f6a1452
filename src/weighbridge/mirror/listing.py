"""What a commit holds, as values: its files, their digests, and the folders that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from weighbridge.mirror.git import object_id, pointer_text, tree_ids
from weighbridge.store.sight import Sight

_LARGE = 10 * 1024 * 1024
_LARGE_SUFFIXES = frozenset(  # what the Hub's own template for new repositories keeps outside git
    f".{each}"
    for each in (
        *("7z", "arrow", "bin", "bz2", "ckpt", "ftz", "gguf", "gz", "h5", "joblib", "mlmodel", "model", "msgpack"),
        *("npy", "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl", "pt", "pth", "rar", "safetensors", "tar"),
        *("tflite", "tgz", "wasm", "xz", "zip", "zst"),
    )
)


@dataclass(frozen=True, slots=True)
class Held:
    """A file as it lies on the disk.

    Attributes:
        place: The plain file itself; no link.
        sight: What a stat told of it.
        name: What clients call its content: hex of its SHA-256 if it is a large file, else of its git blob's SHA-1.
    """

    place: Path
    sight: Sight
    name: str

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.sight.size

    @property
    def is_large(self) -> bool:
        """Whether git keeps a pointer in its place."""
        return len(self.name) == 64  # noqa: PLR2004 - hex digits of a SHA-256

    @property
    def blob(self) -> str:
        """The id of its blob in git: of its content, or of the pointer."""
        return object_id("blob", pointer_text(self.name, self.size)) if self.is_large else self.name

    @property
    def etag(self) -> str:
        """Its strong validator, in quotes (RFC 9110, section 8.8.3)."""
        return f'"{self.name}"'


@dataclass(frozen=True)
class Listing:
    """All files of a commit that are held here.

    Attributes:
        commit: 40 hex digits.
        files: By their paths, with ``/``.
        missing: How many more files the commit is known to have.
        modified_ns: Wall-clock nanoseconds of its last change here.
    """

    commit: str
    files: Mapping[str, Held]
    missing: int = 0
    modified_ns: int = 0

    @cached_property
    def folders(self) -> Mapping[str, str]:
        """The id of each folder's tree, by its path; the root's is ``""``."""
        return tree_ids({path: held.blob for path, held in self.files.items()})

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files.values())

    def below(self, folder: str, *, is_deep: bool) -> list[str]:
        """Return the paths of the files and folders in ``folder`` (``""``: the root), sorted.

        Args:
            folder: Where to look.
            is_deep: Whether to go into folders, too.
        """
        start = f"{folder}/" if folder else ""
        paths: Iterable[str] = [*self.files, *filter(None, self.folders)]
        inside = (each for each in paths if each.startswith(start))
        return sorted(each for each in inside if is_deep or "/" not in each[len(start) :])


@dataclass(frozen=True)
class Outline:
    """What a commit holds, as far as that can be told without reading a file.

    Attributes:
        commit: 40 hex digits.
        sizes: Bytes of each file that is held here, by its path.
        missing: How many more files the commit is known to have.
        modified_ns: Wall-clock nanoseconds of its last change here.
    """

    commit: str
    sizes: Mapping[str, int]
    missing: int = 0
    modified_ns: int = 0

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes.values())


def digest_kind(path: str, size: int) -> str:
    """Return which digest names a file's content: ``sha256`` for what the Hub keeps outside git, else ``git-sha1``.

    Args:
        path: Its path in the repository.
        size: In bytes.
    """
    is_large = size > _LARGE or (size > 0 and PurePosixPath(path).suffix.lower() in _LARGE_SUFFIXES)
    return "sha256" if is_large else "git-sha1"
