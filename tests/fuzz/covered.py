"""A search guided by coverage, with atheris: one target, for some time; run by ``tests.fuzz`` in a process of its own.

What breaks the target is kept by libFuzzer as ``crash-…`` or ``timeout-…`` in the directory that it is told.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main(name: str, seconds: str, corpus: str, crashes: str) -> None:
    """Search; ends the process."""
    atheris: Any = import_module("atheris")  # only where `make fuzz` has put it
    with atheris.instrument_imports(include=["weighbridge"], enable_loader_override=False):
        registry = import_module("tests.fuzz.registry")
    target = registry.ALL[name]
    place = Path(corpus)
    place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (place / f"seed-{number}").write_bytes(seed)
    limits = ["-max_len=8192", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1"]
    command = [sys.argv[0], corpus, f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/{name}-", *limits]
    atheris.Setup(command, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:5])
