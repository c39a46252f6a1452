"""Counting what a profiler saw."""

from __future__ import annotations

from benchmarks.stacks import read_stacks, spending_table

RAW = """\
thread (17): MainThread;main (weighbridge/cli/main.py:10);wait (threading.py:5) 2
thread (17);main (weighbridge/cli/main.py:10);wait (threading.py:5) 1
thread (18): worker-1;run (weighbridge/transfer/workers.py:7);write (/venv/weighbridge/store/partial.py:1) 4
thread (19): worker-2;run (weighbridge/transfer/workers.py:8);write (/venv/weighbridge/store/partial.py:9) 5
thread (19): worker-2 1
"""


def test_lines_of_a_function_count_together() -> None:
    """What takes most would be scattered over its lines."""
    stacks = read_stacks(RAW, 100)

    assert stacks.by_function().most_common(1) == [("write (weighbridge/store/partial.py)", 9)]
    assert stacks.seconds == 0.13


def test_threads_are_told_by_their_names() -> None:
    """Nobody could see whether it is the workers or the caller."""
    assert read_stacks(RAW, 100).by_thread() == {"thread MainThread": 3, "thread worker-*": 10}


def test_time_under_the_lock_stands_beside_the_time_running() -> None:
    """Work that others can't do meanwhile would look like any other."""
    lines = spending_table(read_stacks(RAW, 100), read_stacks(RAW.partition("\n")[0], 100)).splitlines()

    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in lines[2:]]
    assert cells[0] == ["all threads", "0.13", "0.02"]
    assert ["thread MainThread", "0.03", "0.02"] in cells
    assert ["write (weighbridge/store/partial.py)", "0.09", "0.00"] in cells
