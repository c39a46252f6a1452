"""Small C libraries put in front of the C library of a client process; each says in its source what it does."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SOURCES = Path(__file__).with_name("shims")


@dataclass(frozen=True, slots=True)
class Shims:
    """The compiled libraries.

    Attributes:
        directory: Where they are.
    """

    directory: Path

    @classmethod
    def build(cls, directory: Path) -> Shims:
        """Compile all of them with gcc."""
        for source in _SOURCES.glob("*.c"):
            library = directory / f"{source.stem}.so"
            command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-ldl", "-lpthread"]
            subprocess.run([*command, "-o", str(library), str(source)], check=True, timeout=60)
        return cls(directory)

    def acting(self, *rules: str) -> dict[str, str]:
        """Return the environment of a process in which ``rules`` hold; see ``stopper.c`` for how they are written."""
        return {"LD_PRELOAD": str(self.directory / "stopper.so"), "WB_RULES": ";".join(rules)}

    def recording(self, log: Path, root: Path) -> dict[str, str]:
        """Return the environment of a process whose file operations below ``root`` are noted in ``log``."""
        return {
            "LD_PRELOAD": str(self.directory / "recorder.so"),
            "WB_LOG": os.fspath(log),
            "WB_ROOT": os.fspath(root),
        }

    def waiting(self) -> dict[str, str]:
        """Return the environment of a process whose forked children may be given rules, a log, or a clock, or none."""
        libraries = [str(self.directory / f"{each}.so") for each in ("stopper", "recorder", "clock")]
        return {"LD_PRELOAD": ":".join(libraries)}

    def without_case(self, root: Path) -> dict[str, str]:
        """Return the environment of a process for which case does not matter below ``root``."""
        return {"LD_PRELOAD": str(self.directory / "caseless.so"), "WB_ROOT": os.fspath(root)}

    def with_jumping_clock(self, seconds: int) -> dict[str, str]:
        """Return the environment of a process whose wall clock jumps by so many seconds all the time."""
        return {"LD_PRELOAD": str(self.directory / "clock.so"), "WB_JUMP_S": str(seconds)}

    def without_locks(self) -> dict[str, str]:
        """Return the environment of a process for which every kernel lock succeeds and locks nothing."""
        return {"LD_PRELOAD": str(self.directory / "noflock.so")}

    def refusing(self, **errors: int) -> dict[str, str]:
        """Return the environment of a process for which calls fail with an error: ``flock``, ``symlink``, ``link``."""
        refused = ";".join(f"{call}:{error}" for call, error in errors.items())
        return {"LD_PRELOAD": str(self.directory / "refuser.so"), "WB_REFUSED": refused}


def failing(call: str, glob: str, error: int, nth: int = 0) -> str:
    """Return the rule that lets the ``nth`` such call (0: each) fail with ``error``."""
    return f"{call} {glob} {nth} before errno:{error}"
