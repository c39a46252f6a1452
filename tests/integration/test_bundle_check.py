"""``check.py`` of a bundle: it runs with the bare standard library and names exactly what is wrong."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bundles import archive_of, check, check_alone, client_of, member, pack
from tests.support.hub.calls import WEIGHTS, victim
from tests.support.hub_repos import Repo, blob_name
from weighbridge.core.pieces import PIECE

PART = 100_000


@pytest.fixture
def bundle(repo: Repo, tmp_path: Path) -> Path:
    return pack(repo, tmp_path / "bundle")


@pytest.fixture
def archive(repo: Repo, tmp_path: Path) -> Path:
    return pack(repo, tmp_path / "bundle.tar", tar=True)


@pytest.fixture
def parts(repo: Repo, tmp_path: Path) -> list[Path]:
    pack(repo, tmp_path / "parts.tar", tar=True, split=PART)
    return sorted(each for each in tmp_path.glob("parts.tar.*") if each.suffix != ".json")


@pytest.fixture
def weights(repo: Repo) -> str:
    """What the content of the weights is called."""
    return f"contents/sha256-{blob_name(WEIGHTS, repo.main[WEIGHTS])}"


def archive_names(path: Path) -> list[str]:
    """Return the names in a tar file, in their order, as others read them."""
    with tarfile.open(path) as archive:
        return archive.getnames()


def wrongs(lines: list[str]) -> list[str]:
    """Return what was named, without the reasons in brackets."""
    return [each.partition(" (")[0] for each in lines if each.startswith(("missing", "damaged", "extra"))]


def test_whole_bundle_is_right_where_it_lies(bundle: Path) -> None:
    """Somebody on the other side has Python and nothing of ours."""
    code, lines = check_alone("check.py", cwd=bundle)

    assert (code, wrongs(lines)) == (0, [])
    assert "all is right" in lines[0]


def test_script_is_read_by_old_pythons(bundle: Path) -> None:
    """Machines without a network are seldom new."""
    source = (bundle / "check.py").read_text(encoding="utf-8")

    tree = ast.parse(source, feature_version=(3, 8))

    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"__future__", "hashlib", "io", "json", "os", "re", "stat", "sys", "time", "typing"}


@pytest.mark.parametrize("kind", ["archive", "first part", "list of parts", "name", "all parts in another order"])
def test_archive_is_found_however_it_is_named(archive: Path, parts: list[Path], tmp_path: Path, kind: str) -> None:
    """Whatever lies on the stick is what people give."""
    ways: dict[str, list[Path]] = {
        "archive": [archive],
        "first part": parts[:1],
        "list of parts": [tmp_path / "parts.tar.parts.json"],
        "name": [tmp_path / "parts.tar"],
        "all parts in another order": parts[::-1],
    }

    code, lines = check(*ways[kind])

    assert (code, wrongs(lines)) == (0, [])


def flip(path: Path, at: int = -1) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a byte is another": ("damaged", flip),
    "the first byte is another": ("damaged", lambda path: flip(path, 0)),
    "its end is missing": ("damaged", lambda path: os.truncate(path, path.stat().st_size - 1)),
    "it is longer": ("damaged", lambda path: os.truncate(path, path.stat().st_size + 1)),
    "it is gone": ("missing", Path.unlink),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("where", ["weights", "README.txt", "check.py"])
def test_damaged_file_is_named_and_nothing_else(bundle: Path, weights: str, damage: str, where: str) -> None:
    """Whoever copies it again needs to know what."""
    name = weights if where == "weights" else where
    word, do = DAMAGE[damage]
    do(bundle / name)

    code, lines = check(bundle)

    assert (code, wrongs(lines)) == (1, [f"{word}: {name}"])


EXTRA: dict[str, Callable[[Path], object]] = {
    "extra.txt": lambda path: path.write_bytes(b""),
    "contents/extra": lambda path: path.write_bytes(b"x"),
    f"contents/sha256-{'0' * 64}": lambda path: path.write_bytes(b"x"),
    "folder": Path.mkdir,
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("name", EXTRA)
def test_what_does_not_belong_is_named(bundle: Path, name: str) -> None:
    """Something was put there by somebody; links are not followed, and no pipe is waited for."""
    EXTRA[name](bundle / name)

    code, lines = check(bundle)

    assert (code, wrongs(lines)) == (1, [f"extra: {name}"])


def test_renamed_content_is_missing_and_extra(bundle: Path, weights: str) -> None:
    """Both names, so that it can be put right."""
    other = f"contents/sha256-{'0' * 64}"
    (bundle / weights).rename(bundle / other)

    code, lines = check(bundle)

    assert (code, wrongs(lines)) == (1, [f"missing: {weights}", f"extra: {other}"])


def test_link_in_the_place_of_a_content_is_damage(bundle: Path, tmp_path: Path, weights: str) -> None:
    """The right bytes are elsewhere on this machine, and not in the bundle."""
    shutil.move(bundle / weights, tmp_path / "elsewhere")
    (bundle / weights).symlink_to(tmp_path / "elsewhere")

    code, lines = check(bundle)

    assert (code, wrongs(lines)) == (1, [f"missing: {weights}", f"extra: {weights}"])


def test_damaged_content_of_an_archive_is_named(archive: Path, repo: Repo, weights: str) -> None:
    """As in a directory."""
    flip(archive, archive.read_bytes().index(repo.main[WEIGHTS]) + 7)

    code, lines = check(archive)

    assert (code, wrongs(lines)) == (1, [f"damaged: {weights}"])


def test_damaged_part_is_named(parts: list[Path]) -> None:
    """One part is copied again, not all of them; its content is named, too."""
    flip(parts[1])

    code, lines = check(parts[0])

    assert code == 1
    assert "damaged: parts.tar.002" in wrongs(lines)
    assert [each for each in wrongs(lines) if "tar" in each] == ["damaged: parts.tar.002"]
    assert sum("contents/" in each for each in wrongs(lines)) == 1


@pytest.mark.parametrize("at", [1, PIECE, PIECE * 2 + 7])
def test_place_of_the_damage_is_told_where_pieces_are_known(tmp_path: Path, at: int) -> None:
    """Whoever has the file elsewhere can see what it was that broke it."""
    known = tmp_path / "known"
    with client_of(known) as client:
        client.bundles.load(pack(victim(weights_size=PIECE * 2 + 100), tmp_path / "first"))
        client.bundles.create(tmp_path / "second", "acme/victim")
    content = max((tmp_path / "second" / "contents").iterdir(), key=lambda each: each.stat().st_size)
    flip(content, at)

    code, lines = check(tmp_path / "second")

    begin = at // PIECE * PIECE
    assert (code, lines[0]) == (
        1,
        f"damaged: contents/{content.name} (first between byte {begin} and the {PIECE} after it)",
    )


@pytest.mark.parametrize("number", [0, 1, -1])
def test_missing_part_is_named(parts: list[Path], tmp_path: Path, number: int) -> None:
    """The first and the last of them, too."""
    parts[number].unlink()

    code, lines = check(tmp_path / "parts.tar.parts.json")

    assert (code, lines) == (1, [f"missing: {parts[number]}"])


def test_part_with_a_high_number_does_not_fill_the_screen(tmp_path: Path) -> None:
    """All that should be before it is missing, and nobody reads a million names."""
    (tmp_path / "parts.tar.999999").touch()

    code, lines = check(tmp_path / "parts.tar.999999")

    assert (code, len(lines)) == (1, 1)
    assert lines[0].endswith("parts.tar.020 and 999978 more")


def test_archive_that_is_cut_off_is_told_of(archive: Path, repo: Repo, weights: str) -> None:
    """What lies behind the cut is missing, what it goes through is damaged."""
    listed = sorted(each for each in archive_names(archive) if each > weights)
    os.truncate(archive, archive.read_bytes().index(repo.main[WEIGHTS]) + 5000)

    code, lines = check(archive)

    assert (code, sorted(wrongs(lines))) == (1, [f"damaged: {weights}", *(f"missing: {each}" for each in listed)])


def test_archive_without_its_end_is_told_of(archive: Path) -> None:
    """All files are there, and yet somebody has cut it."""
    os.truncate(archive, archive.stat().st_size - 1024)

    code, lines = check(archive)

    assert (code, wrongs(lines)) == (1, [f"damaged: {archive}"])


STRANGE = {
    "nothing": b"",
    "text": b"hello\n" * 1000,
    "zeros": bytes(10_000),
    "a name that leads out": archive_of(member("../x", b"x")),
    "an absolute name": archive_of(member("/etc/x", b"x")),
    "a link": archive_of(member("bundle.json", type=b"2", linkname="/etc/passwd")),
    "a hard link": archive_of(member("bundle.json", type=b"1", linkname="/etc/passwd")),
    "a device": archive_of(member("bundle.json", type=b"3", devmajor=1, devminor=3)),
    "a pipe": archive_of(member("bundle.json", type=b"6")),
    "a member twice": archive_of(member("bundle.json", b"{}"), member("bundle.json", b"{}")),
    "a list that is deep": archive_of(member("bundle.json", b"[" * 200_000)),
    "a list that is none": archive_of(member("bundle.json", b'{"format": 1, "members": 7}')),
    "a huge number": archive_of(member("bundle.json", b'{"format": ' + b"9" * 9000 + b"}")),
    "a size beyond the end": archive_of(member("bundle.json", b""))[:124]
    + b"77777777777\0"
    + archive_of(member("bundle.json", b""))[136:],
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_bundle_is_refused(tmp_path: Path, kind: str) -> None:
    """People run it first, on what they were given: it says no, quickly and without a traceback."""
    (tmp_path / "x.tar").write_bytes(STRANGE[kind])

    code, lines = check(tmp_path / "x.tar")

    assert (code, len(lines)) == (2, 1)


def test_directory_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    """That is another exit code than that of a damaged one."""
    code, lines = check(tmp_path)

    assert code == 2
    assert "is no bundle" in lines[0]


@pytest.mark.parametrize(("way", "code"), [(">/dev/full", 2), (">&-", 0)])
def test_output_that_nobody_takes_says_nothing_of_the_bundle(bundle: Path, way: str, code: int) -> None:
    """A full disk would have a whole bundle thrown away; no traceback either."""
    line = f"{sys.executable} -I -S check.py {way}"

    done = subprocess.run(["sh", "-c", line], cwd=bundle, capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stderr) == (code, "")


def test_name_that_would_move_a_terminal_is_shown_harmlessly(bundle: Path) -> None:
    """A name is what somebody else has chosen."""
    (bundle / "\x1b[2Jx\n").write_bytes(b"")

    _, lines = check(bundle)

    assert wrongs(lines) == ["extra: \\x1b[2Jx\\n"]
