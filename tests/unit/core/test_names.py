"""Names from callers and servers: whatever is accepted stays inside, everything doubtful is refused."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidNameError, RequestError, UnsafePathError
from weighbridge.core.names import RelativeName, find_collision

pieces = st.sampled_from(
    [
        "a",
        "b.bin",
        "..",
        ".",
        "",
        "/",
        "\\",
        "C:",
        "con",
        "nul.txt",
        " ",
        "…",
        "ä",
        "%2e%2e",
        "~",
        "\0",
        "\n",
        "-rf",
        "$HOME",
    ]
)
hostile = st.one_of(st.text(max_size=12), st.lists(pieces, max_size=8).map("".join), st.lists(pieces).map("/".join))


def parses(text: str, *, windows: bool = False) -> bool:
    """Tell whether ``text`` is accepted; any other error than ours comes out."""
    try:
        RelativeName.parse(text, windows=windows)
    except RequestError:
        return False
    return True


@given(text=hostile.filter(parses))
@example("a/b/c.bin")
@example("./a//b")
def test_accepted_name_stays_inside(text: str) -> None:
    """Nothing a caller or a server calls a file is ever written outside the directory."""
    name = RelativeName.parse(text, windows=False)

    lexical = os.path.normpath(f"/target/{name.text}")

    assert lexical.startswith("/target/")
    assert PurePosixPath("/target", *name.parts) == PurePosixPath(lexical)


@given(text=hostile.filter(lambda text: parses(text, windows=True)))
@example("a/b/c.bin")
@example("a‥b")
def test_name_accepted_on_windows_stays_inside_there(text: str) -> None:
    """Drives, shares and backslashes are ways out, too."""
    name = RelativeName.parse(text, windows=True)

    path = PureWindowsPath("T:/target").joinpath(*name.parts)

    assert path.parts == ("T:\\", "target", *name.parts)
    assert ".." not in path.parts


@given(text=hostile.filter(parses))
def test_accepted_name_is_tidy_and_stays_the_same(text: str) -> None:
    """Two spellings of one path are one name, so that one file is never fetched into itself twice."""
    name = RelativeName.parse(text, windows=False)

    assert RelativeName.parse(name.text, windows=False) == name
    assert "/".join(name.parts) == name.text == str(name)
    assert {"", ".", ".."}.isdisjoint(name.parts)


@pytest.mark.parametrize(
    "text",
    [
        "../x",
        "..",
        "a/../../b",
        "a/..",
        "a\\..\\b",
        "..\\x",
        "/etc/passwd",
        "//server/share",
        "\\\\server\\share",
        "\\x",
        "C:x",
        "C:\\x",
        "c:/x",
        "./C:x",
        "a\0b",
    ],
)
def test_name_that_leads_outside_is_unsafe(text: str) -> None:
    """P5: not by ``..``, not absolutely, not by drive or share, on any system."""
    with pytest.raises(UnsafePathError) as caught:
        RelativeName.parse(text)

    assert caught.value.name == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "./.",
        "a/",
        "a/.",
        "a\\b",
        "a\nb",
        "a\x1b[31mb",
        "a\x9b31mb",
        "a.",
        "a ",
        "a./b",
        "a /b",
        "x" * 256,
        "ä" * 128,
        "a/" + "x" * 256,
        "model.bin.wb-partial",
        ".model.bin.0123.wb-claim",
        "a\udc80",
    ],
)
def test_name_that_not_every_system_can_hold_is_refused(text: str) -> None:
    """A directory filled here can be read there."""
    with pytest.raises(InvalidNameError):
        RelativeName.parse(text)


@pytest.mark.parametrize(
    "device", ["CON", "con", "Prn", "aux", "NUL", "com1", "COM9", "lpt0", "com¹", "CONIN$", "conout$"]
)
@pytest.mark.parametrize("form", ["{}", "{}.txt", "a/{}", "{}/a", "{} .txt", "{}.tar.gz"])
def test_device_name_is_refused(device: str, form: str) -> None:
    """On Windows such a file would be the console or a printer."""
    with pytest.raises(InvalidNameError, match="device"):
        RelativeName.parse(form.format(device))


@pytest.mark.parametrize(
    "text", ["console", "nullable.bin", "com10", "aux_loss.json", "my.con", "lpt", "x" * 255, "ä" * 127]
)
def test_name_that_only_looks_like_trouble_is_accepted(text: str) -> None:
    """Refusing too much would be a bug as well."""
    assert RelativeName.parse(text).text == text


@pytest.mark.parametrize(
    "text", [".gitattributes", "a b", "…", "1_Pooling/config.json", "..a", "a..b", "%2e%2e/x", "~", "$HOME", "-rf"]
)
def test_unusual_name_is_taken_literally(text: str) -> None:
    """Nothing is unescaped or expanded on the way to the disk."""
    assert RelativeName.parse(text).text == text


@pytest.mark.parametrize("character", '<>:"|?*')
def test_character_that_only_windows_forbids_is_refused_only_there(character: str) -> None:
    """Files of Linux users may be called what they are called."""
    text = f"ab{character}c"

    assert RelativeName.parse(text, windows=False).text == text
    with pytest.raises(InvalidNameError, match="Windows"):
        RelativeName.parse(text, windows=True)


@pytest.mark.parametrize("given_name", [None, 5, b"a", Path("a")])
def test_name_that_is_not_text_is_refused(given_name: object) -> None:
    """A wrong type is an error that says so."""
    with pytest.raises(InvalidNameError):
        RelativeName.parse(given_name)


@pytest.mark.parametrize("text", ["../x", "a/../b", "/x", "a//b", "", ".", "a/.", "a\0", 5])
def test_unsafe_name_can_not_be_made_past_the_parser(text: str) -> None:
    """Whoever holds a name holds a safe one, however it was made."""
    with pytest.raises(UnsafePathError):
        RelativeName(text)


def names(*texts: str) -> list[RelativeName]:
    return [RelativeName.parse(text) for text in texts]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("pair", [("a", "a/b"), ("a/b", "a/b/c/d")])
def test_file_and_directory_of_one_name_collide(pair: tuple[str, str], order: int) -> None:
    """A listing may hold both, a disk can't."""
    clash = find_collision(names(*pair[::order]), ignore_case=False)

    assert clash is not None
    assert set(clash) == set(pair)


@pytest.mark.parametrize(
    "pair", [("a", "A"), ("Ä.bin", "ä.bin"), ("ä", unicodedata.normalize("NFD", "ä")), ("A/b", "a")]
)
def test_names_that_differ_in_case_or_form_collide_where_that_is_ignored(pair: tuple[str, str]) -> None:
    """On macOS and Windows one would replace the other."""
    assert find_collision(names(*pair), ignore_case=True) is not None
    assert find_collision(names(*pair), ignore_case=False) is None


@pytest.mark.parametrize("ignore_case", [True, False])
def test_different_files_of_one_directory_do_not_collide(ignore_case: bool) -> None:
    """A normal repository is not refused."""
    normal = names("a/b", "a/c", "a.b", "ab", "b/a", "a/d/e", "README.md")

    assert find_collision(normal, ignore_case=ignore_case) is None
    assert find_collision([*normal, *normal], ignore_case=ignore_case) is None


@given(
    texts=st.lists(st.lists(st.sampled_from("abAB"), min_size=1, max_size=3).map("/".join), max_size=6),
    fold=st.booleans(),
)
def test_names_without_collision_can_all_be_files(texts: list[str], fold: bool) -> None:
    """What passes the check can be written, on a disk that ignores case or not."""
    keys = {text.lower() if fold else text for text in texts}
    directories = {str(parent) for key in keys for parent in PurePosixPath(key).parents} - {"."}

    clash = find_collision(names(*texts), ignore_case=fold)

    assert (clash is None) == (len(keys) == len(set(texts)) and keys.isdisjoint(directories))
