"""A Hub with one repository, and an empty place for a cache; ``conftest`` modules import what they use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import victim
from tests.support.hub_repos import Repo


@pytest.fixture
def repo() -> Repo:
    """What the Hub has."""
    return victim()


@pytest.fixture
def hub(repo: Repo) -> Iterator[FaultHub]:
    """A Hub, honest for now."""
    with FaultHub(repo) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty directory; the cache is to be ``hub`` in it, and nothing else."""
    (tmp_path / "root").mkdir()
    return tmp_path / "root"
