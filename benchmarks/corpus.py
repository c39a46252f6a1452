"""Makes the files that the origin serves: seeded, incompressible, with known digests."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, cast

from benchmarks.settings import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SEED = "57656967686272696467652062656e63"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of the origin.

    Attributes:
        name: Path below the origin's root, also the file name asked of a downloader.
        size: Bytes.
        md5: Hex digest, taken when the file was made.
        sha256: Hex digest, taken when the file was made.
    """

    name: str
    size: int
    md5: str
    sha256: str

    def digest(self, algorithm: str) -> str:
        """Return the hex digest by ``algorithm``, which is ``md5`` or ``sha256``."""
        return self.md5 if algorithm == "md5" else self.sha256


class Corpus:
    """The folder of files below one work directory.

    The bytes are an AES-CTR stream per set, so no two places of any file are equal and a piece
    written at the wrong offset can't go unnoticed. The same set has the same bytes on any machine.
    """

    def __init__(self, root: Path, openssl: str) -> None:
        self.root = root
        self._openssl = openssl

    def files(self, label: str, count: int, size: int) -> tuple[DataFile, ...]:
        """Return ``count`` files of ``size`` bytes, making those that a kept run did not leave.

        Reading the files to digest them also leaves them in the page cache.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        index = self.root.parent / f"{label}-{count}x{size}.json"
        names = [f"{label}-{size}-{number:03}.bin" for number in range(count)]
        if index.exists() and all(self._is_whole(name, size) for name in names):
            return tuple(DataFile(**entry) for entry in json.loads(index.read_text()))
        made = self._make(label, names, size)
        index.write_text(json.dumps([asdict(file) for file in made]))
        return made

    def _is_whole(self, name: str, size: int) -> bool:
        path = self.root / name
        return path.exists() and path.stat().st_size == size

    def _make(self, label: str, names: Sequence[str], size: int) -> tuple[DataFile, ...]:
        start = hashlib.md5(label.encode(), usedforsecurity=False).hexdigest()
        argv = [self._openssl, "enc", "-aes-128-ctr", "-nosalt", "-K", _SEED, "-iv", start, "-in", "/dev/zero"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
            try:
                stream = cast("IO[bytes]", source.stdout)
                return tuple(_write(stream, self.root / name, size) for name in names)
            finally:
                source.kill()


def _write(stream: IO[bytes], path: Path, size: int) -> DataFile:
    """Copy the next ``size`` bytes of ``stream`` to ``path`` and digest them on the way."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("wb") as target:
        left = size
        while left:
            chunk = stream.read(min(MIB, left))
            if not chunk:
                message = f"the random stream ended {left} bytes before {path} was whole"
                raise OSError(message)
            target.write(chunk)
            md5.update(chunk)
            sha256.update(chunk)
            left -= len(chunk)
    return DataFile(name=path.name, size=size, md5=md5.hexdigest(), sha256=sha256.hexdigest())


def is_same(left: Path, right: Path) -> bool:
    """Tell whether two files hold the same bytes; a missing ``left`` is not the same."""
    if not left.is_file() or left.stat().st_size != right.stat().st_size:
        return False
    with left.open("rb") as ours, right.open("rb") as theirs:
        while chunk := ours.read(MIB):
            if chunk != theirs.read(len(chunk)):
                return False
    return True
