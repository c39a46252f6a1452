"""Digests as values: what text is read as which, what is refused, and that hashers compute what they say."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.digests import ALGORITHMS, Digest, ensure_available, new_hasher
from weighbridge.core.errors import InvalidDigestError

CONTENT = b"what every truck weighs"

HEX = {
    "md5": hashlib.md5(CONTENT).hexdigest(),
    "sha1": hashlib.sha1(CONTENT).hexdigest(),
    "sha224": hashlib.sha224(CONTENT).hexdigest(),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "sha384": hashlib.sha384(CONTENT).hexdigest(),
    "sha512": hashlib.sha512(CONTENT).hexdigest(),
    "blake3": "f1efc5d10f0c1eb0bd8e3d7aad1bba0cd3b4d4a4c5d9d5d4d2f6f7f8f9fafbfc",  # only its form matters below
    "git-sha1": hashlib.sha1(b"blob 23\0" + CONTENT).hexdigest(),
}
BARE = [name for name in HEX if name not in {"blake3", "git-sha1"}]
ALIASES = {"sha-1": "sha1", "sha-224": "sha224", "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}


def test_every_algorithm_is_known_here() -> None:
    """An algorithm that these tests don't know is one that nobody checked."""
    assert set(ALGORITHMS) == set(HEX)


@pytest.mark.parametrize("algorithm", HEX)
def test_named_digest_is_read(algorithm: str) -> None:
    """A digest with its algorithm is never taken for another one of the same length."""
    digest = Digest.parse(f"{algorithm}:{HEX[algorithm]}")

    assert (digest.algorithm, digest.value) == (algorithm, HEX[algorithm])
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize("algorithm", BARE)
def test_bare_hex_is_told_by_its_length(algorithm: str) -> None:
    """Callers of inference-models give bare MD5, those of the Hub bare SHA-256."""
    assert Digest.parse(HEX[algorithm]) == Digest(algorithm, HEX[algorithm])


@pytest.mark.parametrize("algorithm", BARE)
def test_upper_case_and_space_around_are_tidied(algorithm: str) -> None:
    """A digest copied from a web page or a Windows tool is the same digest."""
    assert Digest.parse(f"  {algorithm.upper()}:{HEX[algorithm].upper()}\n") == Digest(algorithm, HEX[algorithm])


@pytest.mark.parametrize("separator", [":", "="])
@pytest.mark.parametrize("alias", ALIASES)
def test_names_of_the_http_digest_fields_are_aliases(alias: str, separator: str) -> None:
    """``sha-256=…`` (RFC 9530) and ``sha256:…`` are the same promise."""
    algorithm = ALIASES[alias]

    assert Digest.parse(f"{alias}{separator}{HEX[algorithm]}") == Digest(algorithm, HEX[algorithm])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        ":" + HEX["sha256"],
        "sha256:" + HEX["sha256"][:-1],
        "sha256:" + HEX["sha256"] + "0",
        "sha256:" + HEX["md5"],
        "md5:" + HEX["sha256"],
        "crc32:12345678",
        "sha256:sha256:" + HEX["sha256"],
        "sha256:" + "g" * 64,
        "sha256:" + "\u0660" * 64,  # digits, but not of hex
        "g" * 32,
        HEX["md5"][:-1],
        HEX["md5"] + "  model.bin",
        "e3 b0 c4 42",
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    """A promise that can't be checked is never taken for one that was kept."""
    with pytest.raises(InvalidDigestError) as caught:
        Digest.parse(text)

    assert caught.value.text == text


@pytest.mark.parametrize("given", [None, 5, b"d41d8cd98f00b204e9800998ecf8427e", ["md5"]])
def test_what_is_not_text_is_refused(given: object) -> None:
    """A wrong type is an error that says so, not a crash in the middle."""
    with pytest.raises(InvalidDigestError, match=type(given).__name__):
        Digest.parse(given)


def test_swapped_url_is_not_repeated_with_its_secrets() -> None:
    """Who mixes up URL and digest must not find the signature in the log."""
    with pytest.raises(InvalidDigestError) as caught:
        Digest.parse("https://user:pass@cdn.example/model.bin?Signature=s3cret")

    assert "s3cret" not in f"{caught.value} {vars(caught.value)}"
    assert "pass" not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [("sha256", HEX["sha256"].upper()), ("sha256", HEX["md5"]), ("crc32", "12345678"), ("md5", "z" * 32), ("", "")],
)
def test_digest_that_could_never_agree_is_not_made(algorithm: str, value: str) -> None:
    """A digest made by hand is as valid as one that was read."""
    with pytest.raises(InvalidDigestError):
        Digest(algorithm, value)


@pytest.mark.parametrize("algorithm", BARE)
def test_hasher_computes_what_hashlib_does(algorithm: str) -> None:
    """The digest is the promised one, whatever the blocks it came in."""
    hasher = Digest(algorithm, HEX[algorithm]).hasher()

    for byte in CONTENT:
        hasher.update(bytes([byte]))

    assert hasher.hexdigest() == HEX[algorithm]


def test_git_hasher_computes_what_git_does() -> None:
    """Small Hub files are named by the digest that git gives a blob."""
    hasher = new_hasher("git-sha1", len(CONTENT))
    hasher.update(CONTENT)

    empty = new_hasher("git-sha1", 0)

    assert hasher.hexdigest() == HEX["git-sha1"]
    assert empty.hexdigest() == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git hash-object /dev/null


def test_git_hasher_needs_the_size() -> None:
    """Its header holds the size, so a file of unknown size has no such digest."""
    with pytest.raises(InvalidDigestError, match="size"):
        new_hasher("git-sha1")


def test_blake3_hasher_computes_the_official_value() -> None:
    """The optional package is used the way its specification says."""
    hasher = new_hasher("blake3")

    assert hasher.hexdigest() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"  # of nothing


def test_blake3_without_its_package_is_refused_before_the_transfer() -> None:
    """Nobody fetches 100 GB to learn that a package is missing."""
    program = """
import sys
sys.modules["blake3"] = None  # as if it were not installed
from weighbridge.core.digests import Digest, ensure_available
from weighbridge.core.errors import InvalidDigestError
ensure_available(Digest("sha256", "0" * 64))
try:
    ensure_available(Digest("blake3", "0" * 64))
except InvalidDigestError as error:
    print(error)
"""

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)

    assert "pip install 'weighbridge[blake3]'" in said.stdout


@pytest.mark.parametrize("algorithm", HEX)
def test_available_digest_passes(algorithm: str) -> None:
    """All algorithms work in an installation with the extra."""
    ensure_available(Digest(algorithm, HEX[algorithm]))


@given(algorithm=st.sampled_from(BARE), blocks=st.lists(st.binary(max_size=64)), extra=st.binary(min_size=1))
def test_copy_of_a_hasher_is_independent(algorithm: str, blocks: list[bytes], extra: bytes) -> None:
    """A prefix digest noted on the way does not disturb the digest of the whole."""
    hasher = new_hasher(algorithm)
    for block in blocks:
        hasher.update(block)

    hasher.copy().update(extra)

    assert hasher.hexdigest() == hashlib.new(algorithm, b"".join(blocks)).hexdigest()


@given(data=st.data(), algorithm=st.sampled_from(ALGORITHMS), separator=st.sampled_from(":="))
def test_all_spellings_of_one_digest_are_equal(data: st.DataObject, algorithm: str, separator: str) -> None:
    """Two callers who spell one promise differently ask for one file."""
    value = data.draw(st.text("0123456789abcdef", min_size=len(HEX[algorithm]), max_size=len(HEX[algorithm])))
    spelled = "".join(data.draw(st.sampled_from([each, each.upper()])) for each in f"{algorithm}{separator}{value}")

    digest = Digest.parse(f" {spelled} ")

    assert digest == Digest(algorithm, value)
    assert Digest.parse(str(digest)) == digest


def test_digest_can_be_pickled() -> None:
    """Results cross process borders."""
    digest = Digest("md5", HEX["md5"])

    assert pickle.loads(pickle.dumps(digest)) == digest
