"""A repository's folder in a cache that is not there yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    return CacheFolder(tmp_path / "hub", RepoId.parse("org/name"))
