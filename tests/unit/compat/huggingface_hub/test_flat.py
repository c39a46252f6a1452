"""The layout before 0.8, as far as nobody need be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.compat.huggingface_hub import cached_download, filename_to_url
from weighbridge.compat.huggingface_hub.errors import LocalEntryNotFoundError
from weighbridge.core.errors import UnsafePathError

URL = "https://huggingface.co/julien-c/EsperBERTo-small/resolve/main/config.json"
ETAG = '"7cb18dc9bafbfcf74629a4b760af1b160957a83e"'
NAME = (
    "d10a45f9176fc7b927914e46a0baab9fc0dbfd521d874b5339b18ef91c99936c."
    "bd2c175afa86c9b234233da9b65f174f6176d237724101b7705da4e4c5fd7a37"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that 0.9.1 has left, on a machine without a network."""
    (tmp_path / NAME).write_bytes(b"content")
    (tmp_path / f"{NAME}.json").write_text(f'{{"url": "{URL}", "etag": "{ETAG[1:-1]}"}}')
    (tmp_path / f"{NAME}.lock").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return tmp_path


def test_file_is_found_by_its_url(cache: Path) -> None:
    """The content, not its note and not its lock."""
    assert cached_download(URL, legacy_cache_layout=True) == str(cache / NAME)


def test_file_is_found_by_the_name_that_the_caller_gave_it(cache: Path) -> None:
    """``force_filename`` has no note, and needs none."""
    (cache / "mine.bin").write_bytes(b"mine")

    found = cached_download(URL, force_filename="mine.bin", legacy_cache_layout=True)

    assert found == str(cache / "mine.bin")


def test_file_of_another_url_is_not_taken(cache: Path) -> None:
    """Names are digests of whole URLs."""
    with pytest.raises(LocalEntryNotFoundError, match="not on this machine"):
        cached_download(f"{URL}5", legacy_cache_layout=True)


def test_note_tells_where_a_file_came_from(cache: Path) -> None:
    """In the usual cache, or in one that is named."""
    usual, named = filename_to_url(NAME, legacy_cache_layout=True), filename_to_url(NAME, cache, True)

    assert usual == named == (URL, ETAG[1:-1])


@pytest.mark.parametrize("name", ["nothing", f"{NAME}.lock"])
def test_file_without_a_note_came_from_nowhere(name: str) -> None:
    """Nor does one that is not there."""
    with pytest.raises(LocalEntryNotFoundError):
        filename_to_url(name, legacy_cache_layout=True)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", ".."])
def test_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """No file elsewhere is looked at."""
    with pytest.raises(UnsafePathError):
        filename_to_url(name, legacy_cache_layout=True)


def test_url_with_a_signature_is_not_shown() -> None:
    """An error may be logged."""
    with pytest.raises(LocalEntryNotFoundError) as caught:
        cached_download("https://cdn.example/file?X-Amz-Signature=CANARY", legacy_cache_layout=True)

    assert "CANARY" not in str(caught.value)
