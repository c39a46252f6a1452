"""An origin with one file, a directory to have it in, and the shims that stop clients at a known call."""

from __future__ import annotations

from tests.support.fixtures import scene, shims

__all__ = ["scene", "shims"]
