"""Who is using what of a cache right now: locks that the kernel lets go of when their process ends.

::

    <root>/.locks/.weighbridge/uses/models--org--name/activity    shared: at work in the folder; exclusive: removing
    <root>/.locks/.weighbridge/uses/models--org--name/<commit>    shared: in use; its time is that of the last use

They keep what is removed apart from what is used.  Where there are no such locks, or no such files can be had, they are
done without: then whoever removes sees only what is open.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weighbridge.core.repos import is_commit
from weighbridge.store.cache.layout import OWN

PATIENCE_S = 5.0
"""How long one of us waits for another who is at work, or removing; a stopped process must not stop others."""

_ACTIVITY = "activity"
_MODE = 0o664  # whatever the umask is, as all lock files of a cache: every user of it must be able to open them
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES})  # the second on some file systems
_SPENT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})  # there may be locks, and we can't tell
_POLL_S = 0.002
_INSTANT_S = 0.005  # whoever only asks whether somebody is there takes a lock for far less
_BRIEF_S = 1.0  # for one who is removing a commit
_TOUCH_S = 60.0
_MOST = 128  # descriptors that are kept

_pause = threading.Event()  # never set
_guard = threading.Lock()  # guards _held
_held: OrderedDict[str, list[float]] = OrderedDict()  # by file: descriptor, and when its time was set


class _Work(threading.local):
    """Where this thread is at work: by file, the descriptor that tells so, or None while there is none."""

    def __init__(self) -> None:
        self.places: dict[str, int | None] = {}
        self.cleared: dict[str, int] = {}  # where it keeps others out: time of that file when it began to, in ns


_work = _Work()


def _renew_guard() -> None:
    global _guard  # noqa: PLW0603 - another thread may have held it when this process was forked
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_renew_guard)


def uses_of(root: Path, folder: str) -> Path:
    """Return where the locks of a repository are; it is the same whichever way leads to the cache.

    Args:
        root: The cache.
        folder: Name of the repository's folder.
    """
    return Path(os.path.realpath(root), ".locks", OWN, "uses", folder)


@contextmanager
def active(root: Path, folder: str) -> Iterator[None]:
    """Be at work in a repository while the block lasts: nothing is removed of it by others of us.

    One who is removing right now is waited for, but not for ever.  If there is no such folder yet, see :func:`join`.
    """
    place = f"{uses_of(root, folder)}/{_ACTIVITY}"
    if place in _work.places:
        yield
        return
    _work.places[place] = None
    try:
        join(root, folder)
        yield
    finally:
        _leave(_work.places.pop(place))


def join(root: Path, folder: str) -> None:
    """Do what :func:`active`, around this, could not do since there was no folder of the repository; never fails."""
    place = f"{uses_of(root, folder)}/{_ACTIVITY}"
    if _work.places.get(place, -1) is None and os.path.isdir(root / folder):  # noqa: PTH112 - never raises
        with suppress(OSError):
            _work.places[place] = descriptor = _take(place, fcntl.LOCK_SH, PATIENCE_S)
            if descriptor is None:
                os.utime(place)  # whoever is removing there is told that we did not wait any longer


@contextmanager
def clearing(root: Path, folder: str, wait_s: float = PATIENCE_S) -> Iterator[bool]:
    """Keep others of us out of a repository while the block lasts, to remove something of it.

    A thread that is at work there itself may do so if it is the only one.

    Args:
        root: The cache.
        folder: Name of the repository's folder.
        wait_s: How long to wait until nobody is at work there, in seconds.

    Yields:
        False if somebody still is.
    """
    place = f"{uses_of(root, folder)}/{_ACTIVITY}"
    if place in _work.cleared:
        yield True
        return
    own = _work.places.get(place)
    try:
        descriptor = _take(place, fcntl.LOCK_EX, wait_s) if own is None else _turn(own, fcntl.LOCK_EX, wait_s)
    except OSError as error:
        yield error.errno not in _SPENT  # no locks here
        return
    if descriptor is not None:
        _work.cleared[place] = os.fstat(descriptor).st_mtime_ns
    try:
        yield descriptor is not None
    finally:
        _work.cleared.pop(place, None)
        if own is None:
            _leave(descriptor)
        else:
            with suppress(OSError):
                _turn(own, fcntl.LOCK_SH, PATIENCE_S)


def is_still_clear(root: Path, folder: str) -> bool:
    """Tell, within :func:`clearing`, whether all others wait still: one who was stopped for long is not waited for."""
    place = f"{uses_of(root, folder)}/{_ACTIVITY}"
    began_ns = _work.cleared.get(place)
    try:
        return began_ns is None or os.stat(place).st_mtime_ns == began_ns  # noqa: PTH116 - text
    except OSError:
        return True


@contextmanager
def sole(root: Path, folder: str, commit: str) -> Iterator[bool]:
    """Keep others of us from beginning to use a commit while the block lasts; gives False if somebody uses it."""
    place = uses_of(root, folder) / commit
    was_there = place.exists()
    try:
        descriptor = _take(str(place), fcntl.LOCK_EX, _INSTANT_S)
    except OSError as error:
        yield error.errno not in _SPENT
        return
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None and not was_there:
            forget(root, folder, commit)  # its time would say that the commit was used
        _leave(descriptor)


def hold(root: Path, folder: str, commit: str) -> None:
    """Use a commit, from now on until :func:`release` or the end of this process; never fails.

    Of many commits, those that were asked for last are held.  A forked child shares what its parent holds.
    """
    place = f"{uses_of(root, folder)}/{commit}"
    now = time.monotonic()
    with _guard:
        known = _held.get(place)
        if known is not None:
            _held.move_to_end(place)
            if now - known[1] > _TOUCH_S:
                known[1] = now
                with suppress(OSError):
                    os.utime(int(known[0]))
            return
    with suppress(OSError):
        descriptor = _take(place, fcntl.LOCK_SH, _BRIEF_S)
        if descriptor is None:
            return
        with suppress(OSError):  # another user's: its time stays
            os.utime(descriptor)
        with _guard:
            _held.setdefault(place, [descriptor, now])
            surplus = [] if _held[place][0] == descriptor else [descriptor]
            while len(_held) > _MOST:
                surplus.append(int(_held.popitem(last=False)[1][0]))
        for each in surplus:
            os.close(each)  # a forked child may hold it on


def release(root: Path, folder: str | None = None, commit: str | None = None) -> None:
    """Use commits no longer: all of the cache, or of a repository, or one.

    What a parent and its forked child share is used until both say so, or end.
    """
    start = f"{uses_of(root, folder)}/" if folder is not None else f"{uses_of(root, '')}/"
    with _guard:
        places = [each for each in _held if each.startswith(start) and (commit is None or each == f"{start}{commit}")]
        descriptors = [int(_held.pop(each)[0]) for each in places]
    for each in descriptors:
        os.close(each)


def is_used(root: Path, folder: str, commit: str) -> bool:
    """Tell whether a process of ours, this one among them, uses a commit."""
    try:
        descriptor = _open(f"{uses_of(root, folder)}/{commit}", _FLAGS & ~os.O_CREAT)
    except OSError as error:
        return error.errno in _SPENT
    try:
        return _turn(descriptor, fcntl.LOCK_EX, _INSTANT_S) is None
    except OSError:
        return False
    finally:
        os.close(descriptor)


def last_uses(root: Path, folder: str) -> dict[str, float]:
    """Return when commits of a repository were last asked for, in wall-clock seconds, as far as that is known."""
    found: dict[str, float] = {}
    with suppress(OSError), os.scandir(uses_of(root, folder)) as entries:
        for each in entries:
            if is_commit(each.name):
                with suppress(OSError):
                    found[each.name] = each.stat(follow_symlinks=False).st_mtime
    return found


def forget(root: Path, folder: str, commit: str) -> None:
    """Remove what is noted of the uses of a commit that is gone; only within :func:`sole`."""
    with suppress(OSError):
        (uses_of(root, folder) / commit).unlink()


def users_at_work(root: Path, folder: str) -> tuple[int, ...]:
    """Return the ids of processes that are at work in a repository, as far as this system tells."""
    return _holders(uses_of(root, folder) / _ACTIVITY)


def users_of(root: Path, folder: str, commit: str) -> tuple[int, ...]:
    """Return the ids of processes that hold a commit, as far as this system tells."""
    return _holders(uses_of(root, folder) / commit)


def _holders(path: Path) -> tuple[int, ...]:
    try:
        inode = path.lstat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    found = set[int]()
    for line in lines:  # "1: FLOCK  ADVISORY  READ 4711 fe:01:1234 0 EOF"
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):  # noqa: PLR2004
            found.add(int(words[4]))
    return tuple(sorted(each for each in found if each > 0))


def _take(place: str, kind: int, wait_s: float) -> int | None:
    """Return a descriptor that holds the lock of a file, made if absent; None if others hold it for too long.

    Raises:
        OSError: There can be no such file or lock.
    """
    until = time.monotonic() + wait_s
    while True:
        descriptor = _make(place)
        try:
            if _turn(descriptor, kind, max(0.0, until - time.monotonic())) is None:
                os.close(descriptor)
                return None
            if os.path.samestat(os.fstat(descriptor), os.lstat(place)):
                return descriptor
        except FileNotFoundError:
            pass  # removed since it was opened, as the commit was: then there is another, or none
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _turn(descriptor: int, kind: int, wait_s: float) -> int | None:
    """Have a lock of some kind; None if others are in the way for too long.  Then there is none, of any kind."""
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        else:
            return descriptor
        if time.monotonic() >= until:
            return None
        _pause.wait(_POLL_S)


def _leave(descriptor: int | None) -> None:
    if descriptor is not None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child has the same lock, and would keep it
        os.close(descriptor)


def _make(place: str) -> int:
    """Open a lock file, made if absent, so that every user of the cache may open it."""
    try:
        descriptor = _open(place, _FLAGS)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - text
        descriptor = _open(place, _FLAGS)
    if os.fstat(descriptor).st_mode & 0o777 != _MODE:
        with suppress(OSError):
            os.fchmod(descriptor, _MODE)
    return descriptor


def _open(place: str, flags: int) -> int:
    try:
        return os.open(place, flags, _MODE)
    except PermissionError:  # another user's: to share it, reading will do
        return os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
