"""An origin with one file, a directory to have it in, and the shims that make races happen."""

from __future__ import annotations

from tests.support.fixtures import scene, shims

__all__ = ["scene", "shims"]
