"""Where a file's unfinished state lives: pure arithmetic on names.

Beside a file ``dir/name`` there may be, while it is being fetched::

    dir/.name.KEY.wb-claim              who is fetching it (a lease; see claims)
    dir/.name.KEY.NONCE.wb-partial/     one writer's unfinished file
        data                            its bytes, at their offsets
        journal                         which of them count (see journal)

``KEY`` tells files apart whose names had to be cut, ``NONCE`` tells writers apart.  A partial is a directory so that
its journal, and with it its owner, is there before its data is; it belongs to whoever made it, for ever.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

PARTIAL_SUFFIX = ".wb-partial"
CLAIM_SUFFIX = ".wb-claim"
DATA = "data"
JOURNAL = "journal"

_STEM_BYTES = 120


@dataclass(frozen=True)  # no slots: the prefix is worked out once
class Place:
    """A final path and the names of everything unfinished beside it.

    Attributes:
        final: The path.
        staging: A directory with a place for temporary names, on the same file system: small files are written there at
            once, without anything beside the final path.  None if there is none.
        manifest: Where the digests of the file's pieces are kept, named by the digest of the file, once that was
            checked.  None if they are not kept.
    """

    final: Path
    staging: Path | None = None
    manifest: Path | None = None

    @cached_property
    def parent(self) -> Path:
        """The directory of the file."""
        return self.final.parent

    @cached_property
    def prefix(self) -> str:
        """What the names of all unfinished things of this file begin with."""
        name = self.final.name.encode("utf-8", "surrogateescape")
        key = hashlib.sha256(name).hexdigest()[:12]
        return f".{name[:_STEM_BYTES].decode('utf-8', 'ignore')}.{key}."

    @property
    def claim(self) -> Path:
        """The lease that says who is fetching the file."""
        return self.parent / f"{self.prefix.removesuffix('.')}{CLAIM_SUFFIX}"

    def new_partial(self) -> Path:
        """Return a path for a writer's partial that nobody else uses."""
        return self.parent / f"{self.prefix}{secrets.token_hex(8)}{PARTIAL_SUFFIX}"

    @classmethod
    def of_partial(cls, path: Path) -> Self | None:
        """Return the place of which something is a partial, by its name; None if it is none of ours."""
        stem = path.name.removeprefix(".").removesuffix(PARTIAL_SUFFIX).rpartition(".")[0].rpartition(".")[0]
        place = cls(path.with_name(stem)) if stem else None
        return place if place is not None and place.owns(path.name) else None

    def owns(self, name: str) -> bool:
        """Tell whether ``name`` is that of a partial of this file."""
        return name.startswith(self.prefix) and name.endswith(PARTIAL_SUFFIX)

    def is_evicted_claim(self, name: str) -> bool:
        """Tell whether ``name`` is that of a claim which was taken away and, its taker having died, never removed."""
        return name.startswith(self.prefix) and name.endswith(CLAIM_SUFFIX) and name != self.claim.name
