"""The layout of old: names to the letter, and never an unfinished file for content."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from weighbridge.core.errors import UnsafePathError
from weighbridge.store.cache.flat import FlatCache, flat_name, read_note

HUB = "https://huggingface.co"
URL = f"{HUB}/julien-c/EsperBERTo-small/resolve/main/config.json"
STEM = "d10a45f9176fc7b927914e46a0baab9fc0dbfd521d874b5339b18ef91c99936c"
ETAG = '"7cb18dc9bafbfcf74629a4b760af1b160957a83e"'
H5_NAME = (
    "c194f37a937e2cd5f71eca6a7d5abdc38c65de432afc4638bd038ddfa8255427."
    "767724033fe6866237123333161d2e96f78891db38df33546e5fff2c646ec5de.h5"
)
H5 = f"{HUB}/julien-c/EsperBERTo-small/resolve/main/tf_model.h5"


@pytest.fixture
def cache(tmp_path: Path) -> FlatCache:
    return FlatCache(tmp_path)


@pytest.mark.parametrize(
    ("url", "etag", "name"),
    [
        (URL, None, STEM),
        (URL, ETAG, f"{STEM}.bd2c175afa86c9b234233da9b65f174f6176d237724101b7705da4e4c5fd7a37"),
        (URL, ETAG.strip('"'), f"{STEM}.86ec00d29f0b247a879bd2fce64d3030b69892873d173f9bb9666c1efb505e01"),
        (H5, '"403450e234d65943a7dcf7e05a771ce3c92faa84dd07db4ac20f592037a1e4bd"', H5_NAME),
    ],
)
def test_names_are_those_of_the_old_clients(url: str, etag: str | None, name: str) -> None:
    """Computed by one of them: a letter off, and everything is fetched again."""
    assert flat_name(url, etag) == name


def test_newest_content_is_found_when_nobody_can_be_asked(cache: FlatCache, tmp_path: Path) -> None:
    """Of several versions the one that came last, whatever the directory lists first."""
    for at, etag in ((300, "b"), (100, "c"), (200, "a")):
        cache.find(URL, etag).touch()
        os.utime(cache.find(URL, etag), (at, at))
    cache.find(H5, "a").touch()

    assert cache.newest(URL) == cache.find(URL, "b")
    assert cache.newest(H5) == cache.find(H5, "a")


def test_content_without_an_etag_comes_first(cache: FlatCache) -> None:
    """So it was with the old clients."""
    cache.find(URL, None).touch()
    cache.find(URL, ETAG).touch()

    assert cache.newest(URL) == cache.find(URL, None)


@pytest.mark.parametrize("ending", [".incomplete", ".lock", ".json", ".json.x", ".0123.wb-partial", ".wb-claim", ".h5"])
def test_what_is_no_content_is_never_found(cache: FlatCache, tmp_path: Path, ending: str) -> None:
    """Old clients could return the half of a file."""
    name = flat_name(URL, ETAG)
    for each in (f"{name}{ending}", f"{STEM}{ending}"):
        (tmp_path / each).touch()

    assert cache.newest(URL) is None


def test_only_plain_files_are_content(cache: FlatCache, tmp_path: Path) -> None:
    """A link may lead anywhere, and a directory is none."""
    cache.find(URL, "a").symlink_to("/etc/passwd")
    cache.find(URL, "b").mkdir()
    cache.find(URL, None).mkdir()

    assert cache.newest(URL) is None
    assert FlatCache(tmp_path / "absent").newest(URL) is None


def test_note_tells_where_content_came_from(cache: FlatCache, tmp_path: Path) -> None:
    """As the old clients write it, and with nothing left beside it that they could take for content."""
    name = flat_name(URL, ETAG)

    cache.note(name, URL, ETAG)
    cache.note(name, URL, ETAG)

    assert json.loads((tmp_path / f"{name}.json").read_bytes()) == {"url": URL, "etag": ETAG}
    assert read_note(tmp_path / name) == (URL, ETAG)
    assert sorted(each.name for each in tmp_path.iterdir()) == [".locks", f"{name}.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"url": 1, "etag": null}', b'{"url": "x"}', b"[" * 100_000])
def test_note_that_can_t_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """It only tells; nothing rests on it."""
    (tmp_path / "name.json").write_bytes(content)

    assert read_note(tmp_path / "name") is None
    assert read_note(tmp_path / "absent") is None


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_name_that_leads_elsewhere_is_refused(cache: FlatCache, name: str) -> None:
    """The caller may give content a name of his own."""
    with pytest.raises(UnsafePathError):
        cache.named(name)
    with pytest.raises(UnsafePathError):
        cache.note(name, URL, ETAG)
