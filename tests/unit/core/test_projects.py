"""What a project may ask for, and how it is told what it may not."""

from __future__ import annotations

import pytest

from weighbridge.core.errors import ProjectError
from weighbridge.core.projects import Project, Wish, read_project
from weighbridge.core.repos import Kind, RepoId

SHA = "sha256:" + "a" * 64
COMMIT = "c0ffee00" * 5
FILE = f'[[file]]\npath = "w/x.bin"\nurl = "https://host/x.bin"\ndigest = "{SHA}"\n'


def repository(*lines: str) -> str:
    return "\n".join(["[[repository]]", 'id = "org/name"', *lines, ""])


def refusal(text: str) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        read_project(text, "/p/weighbridge.toml")
    assert caught.value.path == "/p/weighbridge.toml"
    assert "/p/weighbridge.toml" in str(caught.value)
    return caught.value


def test_least_that_can_be_said_is_the_main_branch_of_a_model() -> None:
    """A project of one line would mean something else than the command without options."""
    found = read_project(repository(), "any")

    assert found == Project(wishes=(Wish(repo=RepoId(Kind.MODEL, "org/name"), revision="main"),))


def test_all_that_can_be_said_is_read() -> None:
    """A key would be taken and mean nothing."""
    text = repository(
        'type = "dataset"', 'tag = "v1"', 'include = ["b", "a"]', 'exclude = ["c/"]', 'directory = "data/x/"'
    )

    (wish,) = read_project(text, "any").wishes

    assert (wish.repo.kind, wish.revision, wish.is_tag) == (Kind.DATASET, "v1", True)
    assert (wish.include, wish.exclude, str(wish.directory)) == (("a", "b"), ("c/",), "data/x")


def test_file_from_anywhere_is_read_whole() -> None:
    """Its mirrors or its size would be lost between the two files."""
    text = FILE + 'mirrors = ["http://other/y"]\nsize = 12\n'

    (download,) = read_project(text, "any").downloads

    assert (str(download.path), download.url, download.mirrors) == (
        "w/x.bin",
        "https://host/x.bin",
        ("http://other/y",),
    )
    assert (str(download.digest), download.size) == (SHA, 12)


def test_order_of_globs_means_nothing() -> None:
    """Sorting a list would make a lock file out of date."""
    some, same = (read_project(repository(f"include = {each}"), "any") for each in ('["a", "b"]', '["b", "a", "a"]'))

    assert some == same


def test_no_exclusion_is_the_same_as_an_empty_one() -> None:
    """Writing out the default would make a lock file out of date."""
    assert read_project(repository("exclude = []"), "any") == read_project(repository(), "any")


BAD = {
    "not TOML": ("[[repository]\n", 1, "no TOML"),
    "broken later": (repository() + "type = = 1\n", 3, "no TOML"),
    "key twice": (repository('id = "a/b"'), 3, "no TOML"),
    "too deep": ("a = " + "[" * 100_000, None, "no TOML"),
    "unknown table": ("[repositories]\n", None, "did you mean 'repository'?"),
    "no list of tables": ("[repository]\nid = 'a'\n", None, "[[repository]]"),
    "unknown key": (FILE + repository("revisoin = 'x'"), 5, "did you mean 'revision'?"),
    "no id": ("\n[[repository]]\nrevision = 'x'\n", 2, "has no 'id'"),
    "id is a number": ("[[repository]]\nid = 1\n", 1, "is a text"),
    "id is no id": ("[[repository]]\nid = '../x'\n", 1, "not the id of a repository"),
    "unknown type": (repository("type = 'modle'"), 1, "type is one of"),
    "empty revision": (repository("revision = ''"), 1, "not empty"),
    "odd revision": (repository("revision = '../x'"), 1, "could lead outside"),
    "two revisions": (repository("revision = 'x'", "tag = 'y'"), 1, "revision and tag"),
    "short commit": (repository("commit = 'c0ffee0'"), 1, "40 hex digits"),
    "commit as tag": (repository(f"tag = '{COMMIT}'"), 1, "is a commit"),
    "glob is a text": (repository("include = '*.json'"), 1, "list of texts"),
    "empty include": (repository("include = []"), 1, "select nothing"),
    "outside": (repository("directory = '../x'"), 1, "'..'"),
    "absolute": (repository("directory = '/x'"), 1, "absolute"),
    "the project itself": (repository("directory = '.'"), 1, "directory"),
    "repository twice": (repository() + repository("revision = 'main'", "include = ['x']"), 3, "asked for twice"),
    "branch and tag": (repository("revision = 'v1'") + repository("tag = 'v1'"), 4, "asked for twice"),
    "no digest": ("[[file]]\npath = 'x'\nurl = 'https://h/x'\n", 1, "has no 'digest'"),
    "no digest's text": (FILE.replace("sha256", "sha257"), 1, "not a digest"),
    "no URL": (FILE.replace("https", "ftp"), 1, "http"),
    "size is no number": (FILE + "size = true\n", 1, "number of bytes"),
    "negative size": (FILE + "size = -1\n", 1, "number of bytes"),
    "file outside": (FILE.replace("w/x.bin", "../x", 1), 1, "'..'"),
    "file twice": (FILE + FILE, 5, "asked for twice"),
    "case": (FILE + FILE.replace("w/x.bin", "W/x.bin", 1), 5, "can't both be"),
    "file and directory": (FILE + FILE.replace("w/x.bin", "w", 1), 5, "can't both be"),
    "its own file": (FILE.replace("w/x.bin", "Weighbridge.toml", 1), 1, "no place"),
    "version control's": (FILE.replace("w/x.bin", "a/.Git/config", 1), 1, "no place"),
}


@pytest.mark.parametrize(("text", "line", "words"), BAD.values(), ids=BAD)
def test_what_can_not_be_meant_is_refused_with_its_line(text: str, line: int | None, words: str) -> None:
    """A slip of the pen would be taken for something else, or nobody would find it."""
    error = refusal(text)

    assert (error.line, words in str(error)) == (line, True), str(error)
    assert line is None or f"line {line}" in str(error)


@pytest.mark.parametrize("key", ["url", "mirrors"])
def test_credentials_are_refused_and_not_repeated(key: str) -> None:
    """They would be checked in with the lock file, or be in a log."""
    secret = "https://user:S3CRET@host/x?sig=S3CRET"
    text = FILE.replace("https://host/x.bin", secret) if key == "url" else FILE + f'mirrors = ["{secret}"]\n'

    error = refusal(text)

    assert "S3CRET" not in str(error)
    assert "--header" in str(error)


@pytest.mark.parametrize(
    "value", ["'https://u:S3CRET@h/x'", "['https://u:S3CRET@h/x', 1]", "{a = 'https://u:S3CRET@h'}"]
)
def test_value_of_the_wrong_kind_is_not_repeated_if_it_may_hold_a_secret(value: str) -> None:
    """A message ends in a log."""
    error = refusal(f"[[file]]\npath = 'x'\nurl = 'https://h/x'\ndigest = '{SHA}'\nmirrors = {value}\n")

    assert "S3CRET" not in str(error)


def test_line_is_not_guessed_where_text_looks_like_a_table() -> None:
    """A wrong line is worse than none."""
    text = FILE.replace('"w/x.bin"', "'''\n[[file]]\n'''", 1)

    assert refusal(text).line is None
