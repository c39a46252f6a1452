"""What a lock file looks like: the same for the same pins, small changes for small ones, and read back as it was."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidParameterError, LockFileError
from weighbridge.core.lock_changes import describe_changes, find_outdated, wish_of
from weighbridge.core.lock_text import read_lock, write_lock
from weighbridge.core.locks import LockedDownload, LockedFile, LockedRepository, LockFile
from weighbridge.core.names import RelativeName
from weighbridge.core.projects import Project
from weighbridge.core.repos import Kind, RepoId, repo_path
from weighbridge.core.toml_tables import quote

COMMIT, OTHER = "c0ffee00" * 5, "decade00" * 5
SMALL = LockedFile("config.json", 23, Digest("git-sha1", "b" * 40))
LARGE = LockedFile("model.safetensors", 163_840, Digest("sha256", "a" * 64))
MODEL = LockedRepository(
    repo=RepoId(Kind.MODEL, "org/name"), revision="main", commit=COMMIT, include=("*.json",), files=(SMALL, LARGE)
)
DATA = LockedRepository(
    repo=RepoId(Kind.DATASET, "org/data"),
    revision="v1",
    commit=OTHER,
    is_tag=True,
    exclude=("x/*",),
    directory=RelativeName("data"),
    files=(SMALL,),
)
FIXED = replace(MODEL, revision=COMMIT, include=None, directory=RelativeName("m/fixed"))
EXTRA = LockedDownload(
    path=RelativeName("w/extra.bin"),
    url="https://host/extra.bin",
    mirrors=("http://one/x", "http://two/x"),
    digest=Digest("md5", "c" * 32),
    size=12,
)
LOCK = LockFile(repositories=(DATA, MODEL, FIXED), downloads=(EXTRA,))
TEXT = write_lock(LOCK)


def is_path(text: str) -> bool:
    try:
        return repo_path(text).text == text
    except InvalidParameterError:
        return False


def test_it_is_read_back_as_it_was_written() -> None:
    """What was pinned would be lost."""
    assert read_lock(TEXT, "any") == LockFile(repositories=(DATA, FIXED, MODEL), downloads=(EXTRA,))


def test_it_is_the_same_whatever_the_order() -> None:
    """Two who lock the same would see a change."""
    turned = replace(MODEL, files=(LARGE, SMALL))

    assert write_lock(replace(LOCK, repositories=(FIXED, turned, DATA))) == TEXT


def test_it_is_written_for_people_and_for_version_control() -> None:
    """The line of each file is what a change shows."""
    assert TEXT.startswith("# Written by `weighbridge lock`.")
    assert TEXT.endswith("\n")
    assert "\r" not in TEXT
    assert (
        f'[[repository]]\nid = "org/data"\ntype = "dataset"\ntag = "v1"\ncommit = "{OTHER}"\nexclude = ["x/*"]\n'
        f'directory = "data"\nfiles = [\n  {{ path = "config.json", size = 23, digest = "git-sha1:{"b" * 40}" }},\n]\n'
    ) in TEXT


def test_one_changed_file_is_one_changed_line() -> None:
    """Nobody reads a change of a thousand lines."""
    other = replace(LARGE, digest=Digest("sha256", "d" * 64))
    now = write_lock(replace(LOCK, repositories=(DATA, replace(MODEL, files=(SMALL, other)), FIXED))).splitlines()

    assert len([1 for a, b in zip(TEXT.splitlines(), now, strict=True) if a != b]) == 1


@given(path=some.text(min_size=1).filter(is_path))
@example('a"b\\c')
@example("tab\there \u2028 \x7f \x85 \U0001f600 \ufeff end")
def test_any_path_of_a_repository_is_kept(path: str) -> None:
    """A quote in a name would end the file there."""
    files = (replace(SMALL, path=path),)
    lock = LockFile(repositories=(replace(MODEL, files=files, include=(path,)),))

    text = write_lock(lock)

    assert read_lock(text, "any") == lock
    assert len(text.splitlines()) == 12


@given(text=some.text(some.characters(exclude_categories=["Cs"])))
def test_quoted_text_is_what_toml_says_it_is(text: str) -> None:
    """Others read the file, too."""
    quoted = quote(text)

    assert tomllib.loads(f"x = {quoted}") == {"x": text}
    assert quoted.isprintable()


def test_carriage_returns_of_a_checkout_do_no_harm() -> None:
    """Version control may turn line ends."""
    assert read_lock(TEXT.replace("\n", "\r\n"), "any") == read_lock(TEXT, "any")


BAD = {
    "later": (TEXT.replace("version = 1", "version = 2"), "version 2"),
    "none": (TEXT.replace("version = 1", ""), "does not tell its version"),
    "zero": (TEXT.replace("version = 1", "version = 0"), "no version 0"),
    "merged": (TEXT.replace("[[file]]", "<<<<<<< HEAD\n[[file]]"), "a merge has left"),
    "noise": (TEXT + "what?\n", "no TOML"),
    "two commits": (TEXT.replace('revision = "main"', f'revision = "{OTHER}"'), "is asked for at the commit"),
    "unknown key": (TEXT + "color = 1\n", "means nothing"),
    "no commit": (TEXT.replace(f'commit = "{OTHER}"', "commit = 'main'"), "40 hex digits"),
    "outside": (TEXT.replace('path = "config.json"', 'path = "../x"'), "outside"),
    "absolute": (TEXT.replace('path = "config.json"', 'path = "/etc/x"'), "outside"),
    "foreign": (TEXT.replace('directory = "data"', 'directory = ".git"'), "no place"),
    "clash": (TEXT.replace("w/extra.bin", "DATA/config.json"), "can't both be"),
    "same file": (TEXT.replace("w/extra.bin", "data/config.json"), "two files"),
    "digest": (TEXT.replace("sha256:", "sha512:"), "not a digest"),
    "algorithm": (TEXT.replace(f"sha256:{'a' * 64}", f"md5:{'a' * 32}"), "neither sha256 nor git-sha1"),
    "size": (TEXT.replace("size = 163840, ", ""), "no size"),
    "file twice": (TEXT.replace("model.safetensors", "config.json"), "twice"),
    "no files": (re.sub(r"files = \[[^]]*\]", "files = []", TEXT), "no files"),
    "same repository": (TEXT + "\n" + TEXT.partition("\n\n")[2].partition("[[file]]")[0], "at one revision"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_damaged_one_is_refused(text: str, words: str) -> None:
    """What it says would be half of what was pinned, or lead outside."""
    with pytest.raises(LockFileError) as caught:
        read_lock(text, "/p/weighbridge.lock")

    assert words in str(caught.value)
    assert caught.value.path == "/p/weighbridge.lock"


def test_later_version_is_to_be_read_by_a_later_release() -> None:
    """To write it anew would lose what the later one knows."""
    with pytest.raises(LockFileError, match="use a later one") as caught:
        read_lock(TEXT.replace("version = 1", "version = 2").replace("digest =", "hash ="), "any")

    assert "weighbridge lock" not in str(caught.value)


def test_it_is_up_to_date_if_it_is_of_all_wishes() -> None:
    """CI would refuse what is right."""
    project = Project(wishes=tuple(map(wish_of, LOCK.repositories)), downloads=LOCK.downloads)

    assert find_outdated(project, LOCK) == ()


def test_every_difference_from_the_project_is_told() -> None:
    """Whoever mends one would find the next only then."""
    project = Project(
        wishes=(replace(wish_of(MODEL), include=None), replace(wish_of(DATA), revision="v2")),
        downloads=(replace(EXTRA, size=13, url="https://host/other"),),
    )

    assert find_outdated(project, LOCK) == (
        (
            "model org/name at main is locked for another choice of files (include, exclude), or as a branch instead "
            "of a tag"
        ),
        "dataset org/data at v2 in data is not locked",
        "dataset org/data at v1 in data is locked, and no longer asked for",
        f"model org/name at {COMMIT} in m/fixed is locked, and no longer asked for",
        "the file w/extra.bin has another url and size",
    )


def test_changes_tell_commits_files_and_bytes() -> None:
    """Nobody would know what an upgrade brings."""
    other = replace(LARGE, size=163_850, digest=Digest("sha256", "d" * 64))
    now = LockFile(repositories=(replace(MODEL, commit=OTHER, files=(SMALL, other)), FIXED))

    assert describe_changes(LOCK, now) == (
        "model org/name at main: c0ffee0 -> decade0, 1 file changed, +10 B",
        "dataset org/data at v1 in data is no longer locked",
        "the file w/extra.bin is no longer asked for",
    )
    assert describe_changes(LockFile(), replace(LOCK, downloads=())) == (
        "dataset org/data at v1 in data: decade0, 1 file, 23 B",
        "model org/name at main: c0ffee0, 2 files, 164 kB",
        f"model org/name at {COMMIT} in m/fixed: c0ffee0, 2 files, 164 kB",
    )
