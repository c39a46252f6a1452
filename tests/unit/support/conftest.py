"""A running origin for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fault_server import FaultServer

DATA = bytes(range(256)) * 40


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer({"/a.bin": DATA, "/empty": b""}) as running:
        yield running
