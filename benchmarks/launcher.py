"""Runs one command and writes down its seconds, peak memory and CPU time.

A process of its own, started with ``python -I -S``, because Linux counts the memory of whoever
starts a program into that program's peak: the smaller the starter, the lower that floor (8 MiB here).
"""

import os
import sys
import time

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def main() -> None:
    """Run ``argv[4:]`` with its output in the files ``argv[2]`` and ``argv[3]``; report to ``argv[1]``."""
    report, stdout, stderr, *command = sys.argv[1:]
    redirect = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, _WRITE, 0o644),
        (os.POSIX_SPAWN_OPEN, 2, stderr, _WRITE, 0o644),
    ]
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=redirect)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    with open(report, "w", encoding="ascii") as target:  # noqa: PTH123 - pathlib would raise the floor
        target.write(f"{seconds!r} {usage.ru_maxrss} {usage.ru_utime + usage.ru_stime!r} {code}")


main()
