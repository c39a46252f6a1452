"""Fixtures that several folders of tests share; a ``conftest.py`` imports those it wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.scene import MIB, Scene
from tests.support.shims import Shims


@pytest.fixture(scope="session")
def shims(tmp_path_factory: pytest.TempPathFactory) -> Shims:
    """The compiled shims."""
    return Shims.build(tmp_path_factory.mktemp("shims"))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """An origin with a file of 1 MiB, and a directory that is not there yet."""
    with FaultServer() as server:
        made = Scene(server, tmp_path, SparseFile(MIB), tmp_path / "target")
        made.put(MIB)
        try:
            yield made
        finally:
            made.close()
