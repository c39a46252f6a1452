"""A user's home for calls that read the environment: a cache of its own, the Hub of the test, no token, no bars."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub

_PREFIXES = ("HF_", "HUGGING", "TRANSFORMERS_", "XDG_CACHE_HOME")


@pytest.fixture
def home(hub: FaultHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that ``HF_HOME`` names; the cache is ``hub`` in it, and nothing is there yet."""
    for name in [each for each in os.environ if each.startswith(_PREFIXES)]:
        monkeypatch.delenv(name)
    place = tmp_path / "home"
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HF_HOME", str(place))
    monkeypatch.setenv("HF_ENDPOINT", hub.origin)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return place
