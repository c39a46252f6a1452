"""Project files and lock files: TOML that people edit and merge."""

from __future__ import annotations

from tests.fuzz.places import lasting
from tests.fuzz.shapes import ODD_TEXTS, bytes_like, lines_like
from tests.fuzz.target import Check, Target
from tests.fuzz.verdicts import is_inside, refusing
from weighbridge.core.lock_text import read_lock, write_lock
from weighbridge.core.locks import LockFile
from weighbridge.pinning.files import ProjectPlace

PROJECT = b"""[[repository]]
id = "org/name"
revision = "main"
include = ["*.json", "onnx/*"]
directory = "models/name"

[[repository]]
id = "org/data"
type = "dataset"
tag = "v1.0"
exclude = ["*.bin"]

[[file]]
path = "weights/extra.bin"
url = "https://host.example/extra.bin"
mirrors = ["https://other.example/extra.bin"]
digest = "sha256:%s"
size = 1234
""" % (b"5" * 64)
LOCK = b"""version = 1

[[repository]]
id = "org/name"
type = "model"
revision = "main"
commit = "%s"
include = ["*.json"]
directory = "models/name"
files = [
  { path = "config.json", size = 23, digest = "git-sha1:%s" },
  { path = "onnx/model.onnx", size = 3000000, digest = "sha256:%s" },
]

[[file]]
path = "weights/extra.bin"
url = "https://host.example/extra.bin"
digest = "md5:%s"
""" % (b"c" * 40, b"b" * 40, b"5" * 64, b"d" * 32)
WORDS = (
    *(b"1", b"-1", b"0", b"2", b"nan", b"inf", b"1979-05-27", b"0x10", b"99999999999999999999", b"true", b"[]", b"{}"),
    *(b"[[repository]]", b"[repository]", b"[[file]]", b"[[[", b'"""', b"'", b"[" * 2000, b"a.b.c = 1", b"\xff"),
    *(
        b'"http://user:pass@h/x"',
        b'"file:///etc/passwd"',
        b'"md5:' + b"d" * 32 + b'"',
        b'["a", 1]',
        b'[""]',
        b'"\\uD800"',
    ),
    *(b"<<<<<<< HEAD", b"=======", b">>>>>>> x"),
    *(b'"%s"' % each.encode("utf-8", "replace") for each in ODD_TEXTS if "\0" not in each),
)

_place = lasting()


def check_project(data: bytes) -> None:
    """A project asks for files inside of it, or is refused."""
    place = ProjectPlace.of(_place)
    place.toml.write_bytes(data)
    with refusing():
        project = place.read_project()
        for wish in project.wishes:
            assert wish.directory is None or is_inside(wish.directory.text)
        assert all(is_inside(each.path.text) for each in project.downloads)


def check_lock(data: bytes) -> None:
    """A lock file has files inside of its project, or is refused; it is read back as it is written."""
    place = ProjectPlace.of(_place)
    place.lock.write_bytes(data)
    with refusing():
        lock = place.find_lock() or LockFile()
        for repository in lock.repositories:
            assert all(is_inside(each.path) for each in repository.files)
        assert all(is_inside(each.path.text) for each in lock.downloads)
        assert read_lock(write_lock(lock), "any") == lock
        place.write_lock(lock)
        assert place.find_lock() == lock


def _target(name: str, check: Check, seed: bytes) -> Target:
    return Target(
        name=name, check=check, seeds=(seed,), inputs=lines_like((seed,), WORDS) | bytes_like(seed), examples=120
    )


TARGETS = (_target("projects", check_project, PROJECT), _target("lock-files", check_lock, LOCK))
