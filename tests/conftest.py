"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Two cores, shared with whatever else runs there: how long an example takes says nothing about the code.
# WEIGHBRIDGE_THOROUGH=20 tries twenty times as many, by hand.
THOROUGH = int(os.environ.get("WEIGHBRIDGE_THOROUGH", "1"))
settings.register_profile(
    "house", deadline=None, max_examples=50 * THOROUGH, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")

READ = (
    "OFFLINE_MODE",
    "DISABLE_INTERACTIVE_PROGRESS_BARS",
    "INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT",
    "CHUNK_DOWNLOAD_CONNECT_TIMEOUT",
    "CHUNK_DOWNLOAD_READ_TIMEOUT",
    "CHUNK_DOWNLOAD_MAX_ATTEMPTS",
    "API_CALLS_TIMEOUT",
    "API_CALLS_MAX_TRIES",
    "IDEMPOTENT_API_REQUEST_CODES_TO_RETRY",
    "WEIGHBRIDGE_OFFLINE",
    "WEIGHBRIDGE_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    *(f"{kind}_proxy" for kind in ("http", "https", "all", "no")),
    *(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "ALL", "NO")),
)
"""What is read of the environment and would change what a test sees."""

UNTRACED = {"browser", "crash", "interop", "proof", "race"}
"""Folders of tests whose work is done by other processes: tracing coverage here costs a third and tells nothing."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Trace coverage only where it tells something."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in UNTRACED:
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no test depend on the machine's proxies, and none leave receipts in somebody's home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in READ:
            patch.delenv(name, raising=False)
        patch.setenv("WEIGHBRIDGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a failure of inference-models' function be final within a second or two."""
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "2")
    monkeypatch.setenv("API_CALLS_TIMEOUT", "5")
