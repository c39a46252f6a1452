"""Which process owns something, and whether it is provably gone."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

_STATE, _START = 0, 19  # fields of /proc/PID/stat behind the command's name
_DEAD_STATES = frozenset("ZXx")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, named so that no other process in the world bears the same name.

    Attributes:
        machine: The system's own id of this installation; empty where there is none.
        host: Host name.
        boot: Random id of this run of the kernel; empty where there is none.
        namespace: Which process-id namespace ``pid`` counts in; 0 where there is none.
        pid: Process id.
        start: When the process started, in the kernel's own count; 0 where there is none.
    """

    machine: str
    host: str
    boot: str
    namespace: int
    pid: int
    start: int

    @classmethod
    def current(cls) -> Self:
        """Return the process that asks; raises ``OSError`` if the system can't tell right now."""
        return cls(*_describe(os.getpid()))

    @classmethod
    def from_record(cls, record: Any) -> Self | None:
        """Read what :meth:`to_record` gave; None if it is anything else."""
        fields = {"machine": str, "host": str, "boot": str, "namespace": int, "pid": int, "start": int}
        if not isinstance(record, dict) or any(type(record.get(key)) is not kind for key, kind in fields.items()):
            return None
        return cls(**{key: record[key] for key in fields})

    def to_record(self) -> dict[str, str | int]:
        """Return the owner as JSON-able fields."""
        return asdict(self)

    @property
    def is_near(self) -> bool:
        """Whether the process can be looked up from here: same machine, same boot, same namespace."""
        return self.boot == boot_id() and self.namespace == _namespace() and self.host == socket.gethostname()

    def is_gone(self, last_sign_at: float) -> bool:
        """Tell whether the process can't write any more.

        Certain for a process of this boot and namespace that can be looked up.  One of an earlier boot of this very
        machine is gone if it gave no sign since this boot began.  Of any other, nothing can be known from here.

        Args:
            last_sign_at: Wall-clock seconds of its last write.
        """
        if self.is_near:
            state = _process_state(self.pid)
            if state is None or state[0] in _DEAD_STATES:
                return True
            return 0 not in (self.start, state[1]) and state[1] != self.start  # 0: can't be looked up, so not known
        began = _boot_time()
        is_earlier = self.machine != "" and self.machine == machine_id() and self.boot not in ("", boot_id())
        return is_earlier and began is not None and last_sign_at < began


@lru_cache(maxsize=1)
def _describe(pid: int) -> tuple[str, str, str, int, int, int]:
    """Return the fields of this process; looked up once, and anew in a forked child.

    A name that lacks a part, only because no descriptor was free for a moment, would never be provably gone.
    """
    try:
        start = _read_state(pid)[1]
    except (FileNotFoundError, PermissionError):
        start = 0
    return _read_machine_id(), socket.gethostname(), _read_boot_id(), _namespace(), pid, start


def boot_id() -> str:
    """Return the random id of this run of the kernel; empty where there is none, or none that can be read now."""
    try:
        return _read_boot_id()
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _read_boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, PermissionError):
        return ""


def machine_id() -> str:
    """Return the system's id of this installation (machine-id(5)); empty where there is none, as in many containers."""
    try:
        return _read_machine_id()
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _read_machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, PermissionError, ValueError):
        return ""


def _namespace() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _process_state(pid: int) -> tuple[str, int] | None:
    """Return (state letter, start) of a process; None if there is none."""
    try:
        return _read_state(pid)
    except OSError:
        return None if _is_absent(pid) else ("?", 0)


def _read_state(pid: int) -> tuple[str, int]:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    try:
        return fields[_STATE], int(fields[_START])
    except (ValueError, IndexError):
        return "?", 0


def _is_absent(pid: int) -> bool:
    if os.name == "nt":
        return False  # os.kill would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _boot_time() -> float | None:
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("btime "))
    except (OSError, StopIteration, ValueError):
        return None
