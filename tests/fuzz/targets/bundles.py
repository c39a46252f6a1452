"""Bundles: what they tell of themselves, the headers of their archives, the lists of their parts."""

from __future__ import annotations

import functools
import json
import tarfile
from io import BytesIO

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fuzz.calls import ending, scratch
from tests.fuzz.places import lasting
from tests.fuzz.shapes import bytes_like, json_like
from tests.fuzz.target import Target
from tests.fuzz.verdicts import is_inside, refusing
from tests.support.bundles import archive_of, check, client_of, member, pack
from tests.support.hub.calls import wrongs
from tests.support.hub_repos import Repo
from weighbridge.bundling import carriers
from weighbridge.core.bundles import BundleManifest

_COMMITS = {"c0ffee00" * 5: {"config.json": b"{}\n", "model.bin": b"weights" * 40}, "decade00" * 5: {"x.txt": b"x"}}
_MANIFEST = carriers.MANIFEST


@functools.cache
def packed() -> bytes:
    """Return a bundle that is right, as an archive."""
    repo = Repo(kind="model", name="org/name", commits=_COMMITS, refs={"main": "c0ffee00" * 5, "v1.0": "decade00" * 5})
    return pack(repo, lasting() / "bundle.tar", tar=True).read_bytes()


@functools.cache
def members() -> tuple[tuple[tarfile.TarInfo, bytes], ...]:
    """Return what is in it."""
    with tarfile.open(fileobj=BytesIO(packed())) as archive:
        return tuple((each, archive.extractfile(each).read()) for each in archive)  # type: ignore[union-attr]


def manifest() -> bytes:
    """Return what it tells of itself."""
    return next(content for info, content in members() if info.name == _MANIFEST)


def check_manifest(data: bytes) -> None:
    """What a bundle tells has safe names, and is read back as it is written."""
    with refusing():
        found = BundleManifest.decode(data, "x.tar")
        for repository in found.repositories:
            assert all(is_inside(each.path) for each in (*repository.files, *(repository.left_out or ())))
        assert all(is_inside(each.path.text) for each in found.downloads)
        assert all(is_inside(each.name) for each in found.members)
        assert BundleManifest.decode(found.encode(), "x.tar") == found
    with refusing(carriers.WrongError):
        assert all(is_inside(each) for each in carriers.read_members(data))


def check_archive(data: bytes) -> None:
    """Nothing wrong is taken out of an archive, and its own check says of any what it thinks."""
    with scratch() as place:
        archive, cache = place / "x.tar", place / "cache"
        archive.write_bytes(data)
        with ending() as cancel, client_of(cache) as client:
            client.bundles.load(archive, cancel=cancel)
        assert [each for each in wrongs(place, cache) if each != "outside: x.tar"] == []
        code, said = check(archive)
        assert code in {0, 1, 2}
        assert said
        assert all(each.isascii() and each.isprintable() and len(each) < 10_000 for each in said)


def check_parts(data: bytes) -> None:
    """The list of parts names parts beside it, or is refused."""
    with scratch() as place:
        (place / "x.tar.parts.json").write_bytes(data)
        (place / "x.tar.001").write_bytes(packed())
        with refusing(carriers.WrongError):
            assert all("/" not in name for name, _, _ in carriers.read_parts(str(place / "x.tar")))
        with ending() as cancel, client_of(place / "cache") as client:
            client.bundles.load(place / "x.tar.001", cancel=cancel)


def rebuilt(content: bytes) -> bytes:
    """Return the bundle with another text of what it tells of itself."""
    return archive_of(*(member(info.name, content if info.name == _MANIFEST else kept) for info, kept in members()))


def _manifests() -> SearchStrategy[bytes]:
    return json_like(json.loads(manifest()))


def _archives() -> SearchStrategy[bytes]:
    return st.one_of(bytes_like(packed()), _manifests().map(rebuilt))


PARTS = {"format": 1, "parts": [{"name": "x.tar.001", "size": 10240, "sha256": "5" * 64}]}
NUMBERS = {"format": 1, "parts": [{"name": f"x.tar.{number:03}", "size": 1, "sha256": "5" * 64} for number in (1, 2)]}

TARGETS = (
    Target(
        name="manifests-of-bundles",
        check=check_manifest,
        seeds=(b"{}",),
        inputs=st.deferred(_manifests),
        examples=100,
    ),
    Target(
        name="bundles", check=check_archive, seeds=(b"",), inputs=st.deferred(_archives), examples=30, is_pure=False
    ),
    Target(
        name="parts-of-bundles",
        check=check_parts,
        seeds=(json.dumps(PARTS).encode(),),
        inputs=json_like(PARTS, NUMBERS),
        examples=20,
        is_pure=False,
    ),
)
