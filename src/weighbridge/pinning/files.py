"""The two files of a project: where they are, read whole, and the lock file replaced in one step."""

from __future__ import annotations

import os
import secrets
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from weighbridge.core.errors import LockFileError, ProjectError
from weighbridge.core.lock_text import read_lock, write_lock
from weighbridge.core.locks import LockFile
from weighbridge.core.options import MIB
from weighbridge.core.projects import Project, read_project
from weighbridge.store.faults import flush_directory, storing
from weighbridge.store.sight import open_plain

_NAME = "weighbridge.toml"
_SUFFIX = ".lock"
_LARGEST = 256 * MIB
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_ABANDONED_S = 3600.0


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """Where a project is.

    Attributes:
        toml: What it needs; it need not be there.
        lock: What it has pinned; beside it.
    """

    toml: Path
    lock: Path

    @classmethod
    def of(cls, given: Path) -> ProjectPlace:
        """Return the place that a directory, a ``….toml`` or its ``….lock`` tells, by its absolute path."""
        toml = given / _NAME if given.is_dir() else given
        if toml.suffix == _SUFFIX:
            return cls(toml.with_suffix(".toml"), toml)
        return cls(toml, toml.with_suffix(_SUFFIX))

    @property
    def directory(self) -> Path:
        """What paths in the two files are relative to."""
        return self.toml.parent

    def read_project(self) -> Project:
        """Read what the project needs.

        Raises:
            ProjectError: It can't be used, or is not there.
        """
        text = _read(self.toml, ProjectError)
        if text is None:
            alone = "; weighbridge sync --locked does without it" if os.path.lexists(self.lock) else ""
            raise ProjectError(
                f"there is no {self.toml}; write one that lists what the project needs, as weighbridge lock --help "
                f"shows{alone}",
                path=str(self.toml),
            )
        return read_project(text, str(self.toml))

    def find_project(self) -> Project | None:
        """Do as :meth:`read_project`; None if it is not there."""
        return self.read_project() if os.path.lexists(self.toml) else None

    def find_lock(self) -> LockFile | None:
        """Read the lock file; None if there is none.

        Raises:
            LockFileError: It can't be used.
        """
        text = _read(self.lock, LockFileError)
        return None if text is None else read_lock(text, str(self.lock))

    def write_lock(self, lock: LockFile) -> None:
        """Replace the lock file in one step for everybody who looks; nothing happens if it says so already.

        If the process dies before the rename, the one before is there, and a file under a name that begins with a dot,
        which whoever writes the next one after an hour removes.

        Raises:
            StoreError: It can't be written; nothing has changed.
        """
        content = write_lock(lock).encode("utf-8")
        final = Path(os.path.realpath(self.lock))  # a link stays one
        with storing(final, "write"):
            mode = _mode_of(final)
            if mode is not None and final.read_bytes().replace(b"\r\n", b"\n") == content:
                return
            _remove_abandoned(final)
            temporary = final.with_name(f".{final.name}.{secrets.token_hex(8)}.tmp")
            try:
                with os.fdopen(os.open(temporary, _CREATING, 0o666), "wb") as file:
                    if mode is not None:
                        os.fchmod(file.fileno(), mode)
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(final)
            finally:
                with suppress(OSError):
                    temporary.unlink()
            flush_directory(final.parent)


def _read(path: Path, kind: type[ProjectError]) -> str | None:
    """Return the text of a file; None if there is none."""
    try:
        with os.fdopen(open_plain(path), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size) if size <= _LARGEST else b""  # what is asked for is memory at once
        if size > _LARGEST:
            raise kind(f"{path} is larger than {_LARGEST} bytes, which can't be right", path=str(path))
        return content.decode("utf-8-sig").replace("\r\n", "\n")  # editors on Windows begin a file with a mark
    except FileNotFoundError:
        return None
    except OSError as error:
        raise kind(f"{path} can't be read: {error.strerror}", path=str(path)) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise kind(f"{path}, line {line}: it is not UTF-8", path=str(path), line=line) from None


def _mode_of(path: Path) -> int | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return stat.S_IMODE(found.st_mode) if stat.S_ISREG(found.st_mode) else None


def _remove_abandoned(final: Path) -> None:
    """Remove what those have left who were killed before their rename."""
    for each in final.parent.glob(f".{escape(final.name)}.*.tmp"):
        with suppress(OSError):
            if time.time() - each.lstat().st_mtime > _ABANDONED_S:
                each.unlink()
