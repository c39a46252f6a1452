"""Texts that people, manifests and environments hold: URLs, names, digests, sizes, durations, headers, addresses."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from tests.fuzz.shapes import ODD_TEXTS, bytes_like, lines_like
from tests.fuzz.target import Check, Target
from tests.fuzz.verdicts import SECRET, is_inside, refusing
from weighbridge.cli.headers import parse_header
from weighbridge.cli.manifests import parse_manifest
from weighbridge.cli.targets import Typed, read_target
from weighbridge.config import parse_size
from weighbridge.config.reading import read_count, read_seconds, read_size, read_statuses
from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidURLError
from weighbridge.core.etags import blob_name
from weighbridge.core.names import RelativeName
from weighbridge.core.repos import RepoId, check_revision, repo_path
from weighbridge.core.urls import follow, parse_url, redact

SHA256 = b"5" * 64
ODD = tuple(each.encode("utf-8", "surrogatepass") for each in ODD_TEXTS)
URLS = (
    b"https://host.example:8443/a/b%20c.bin?X-Sig=s1gned#part",
    b"http://user:p%40ss@127.0.0.1/x",
    b"https://[::1]:80/x;y?z",
    b"../other?x=1",
    b"//other.example/x",
)
NAMES = (
    b"a/b/c.bin",
    b"model.safetensors",
    b"./a//b",
    b"caf\xc3\xa9/x",
    b"org/name",
    b"datasets/org/name",
    b"refs/pr/1",
)
QUANTITIES = (b"20M", b"1.5Gi", b"500KiB", b"0.5", b"30", b"1e3", b"429,503", b"12345678901234567890")
DIGESTS = (b"sha256:" + SHA256, b"sha-256=" + SHA256, SHA256, b"git-sha1:" + b"b" * 40, b"d" * 32)
HEADERS = (b"Authorization: Bearer x", b"x-key:v", b"Range: bytes=0-1")
ADDRESSES = (
    b"hf://datasets/org/name@v1%2Fx/a/b.bin",
    b"hf://name@main",
    b"org/name",
    b"hf://org/name/folder/",
    b"hf://org/name@v\x1b1/x",
)
MANIFESTS = (
    SHA256 + b"  a/b.bin\n" + SHA256 + b" *c.bin\n" + SHA256 + b"  d e\n",
    b"SHA256 (a b.bin) = " + SHA256 + b"\nMD5 (c) = " + b"d" * 32 + b"\n",
    b"https://h/x\thttp://h2/x\n  out=a.bin\n  checksum=sha-256=" + SHA256 + b"\n# no\nhttps://h/y\n",
)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")


def text_of(data: bytes) -> str:
    """Return what a caller may have passed: any text, halves of characters among it."""
    try:
        return _text(data)
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def check_url(data: bytes) -> None:
    """An address that is taken can be asked for, and what is shown of any has neither credentials nor query."""
    text = text_of(data)
    shown = redact(text)
    assert len(shown) <= len(text) + 20
    with refusing(echoed=text):
        bare, origin, _ = parse_url(text)
        parts = urlsplit(bare)
        assert "@" not in parts.netloc
        assert parse_url(bare)[:2] == (bare, origin)
        assert redact(bare).count("?") <= bare.count("?") + 1
    with refusing(echoed=text):
        assert parse_url(follow("https://host.example/a/b", text))[2] is None
    secret = f"https://user:{SECRET}@host.example/{text}?sig={SECRET}" if "@" not in text else ""
    with refusing(InvalidURLError, text):
        assert SECRET not in redact(secret)
        parse_url(secret)


def check_name(data: bytes) -> None:
    """A name that is taken stays where it is put, is taken again, and stays the same."""
    text = text_of(data)
    with refusing(echoed=text):
        name = RelativeName.parse(text)
        assert is_inside(name.text)
        assert "\\" not in name.text
        assert RelativeName.parse(name.text) == name
        assert name.collision_key
    with refusing(echoed=text):
        assert is_inside(repo_path(text).text)
    with refusing(echoed=text):
        repo = RepoId.parse(text)
        assert RepoId.of_folder(repo.folder) == repo
        assert is_inside(repo.folder)
        assert "/" not in repo.folder
    with refusing(echoed=text):
        assert is_inside(check_revision(text))
    etag = blob_name(text)
    assert etag is None or (is_inside(etag) and "/" not in etag)


def check_quantity(data: bytes) -> None:
    """A size is a whole number above 0, a time is above 0 and has an end."""
    text = text_of(data)
    environment = {"X": text}
    with refusing(echoed=text):
        assert parse_size(text) >= 1
    with refusing(echoed=text):
        size = read_size(environment, "X")
        assert size is None or size >= 1
    with refusing(echoed=text):
        seconds = read_seconds(environment, "X")
        assert seconds is None or (seconds > 0 and math.isfinite(seconds))
    with refusing(echoed=text):
        count = read_count(environment, "X")
        assert count is None or count >= 1
    with refusing(echoed=text):
        statuses = read_statuses(environment, "X")
        assert statuses is None or statuses


def check_digest(data: bytes) -> None:
    """A digest that is taken is written as it is read."""
    with refusing():
        digest = Digest.parse(text_of(data))
        assert Digest.parse(str(digest)) == digest


def check_header(data: bytes) -> None:
    """A header that is taken is one line, and none that the transfer sets itself; none is repeated in a message."""
    text = text_of(data)
    with refusing(echoed=text):
        name, value = parse_header(text)
        assert name.isascii()
        assert not set(name + value) & set("\r\n\0")
    with refusing(echoed=text):
        parse_header(f"Authorization: {SECRET}{text}\x00")


def check_address(data: bytes) -> None:
    """What is typed means a repository and files, or is refused."""
    text = text_of(data)
    for typed in (Typed(address=text), Typed(address="org/name", names=(text,)), Typed(address=text, revision=text)):
        with refusing(echoed=text):
            target = read_target(typed)
            assert target.selections


def check_manifest(data: bytes) -> None:
    """A manifest holds files, or is refused with the number of a line."""
    with refusing():
        found = parse_manifest(data)
        assert found.entries


def _target(name: str, check: Check, seeds: tuple[bytes, ...], examples: int = 80) -> Target:
    inputs = bytes_like(*seeds, *ODD) if name != "manifests" else bytes_like(*seeds) | lines_like(seeds, (*ODD, *URLS))
    return Target(name=name, check=check, seeds=seeds, inputs=inputs, examples=examples)


TARGETS = (
    _target("urls", check_url, URLS, 150),
    _target("names", check_name, NAMES, 150),
    _target("quantities", check_quantity, QUANTITIES),
    _target("digests", check_digest, DIGESTS),
    _target("headers-to-send", check_header, HEADERS, 50),
    _target("addresses", check_address, ADDRESSES),
    _target("manifests", check_manifest, MANIFESTS),
)
