"""Forks of a process whose threads are in the middle of something: what they hold is held for ever in the child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, NOTES

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import gc, os, queue, signal, sys
from contextlib import ExitStack
from weighbridge.client import Client
from weighbridge.compat.huggingface_hub import hf_hub_download
from weighbridge.compat.huggingface_hub.calls import CLIENTS
from weighbridge.http.pacing import HostPacer
from weighbridge.http.pool import PoolTransport

NAMES = {Client: (), HostPacer: ("_lock",), PoolTransport: ("_lock",), queue.LifoQueue: ("mutex",)}
commit, again = sys.argv[1:3]
hf_hub_download("acme/victim", "config.json")
(client,) = (each for each in gc.get_objects() if type(each) is Client)
held = [CLIENTS._lock]
for each in gc.get_objects():
    held += [getattr(each, name) for kind, names in NAMES.items() if isinstance(each, kind) for name in names]
assert len(held) >= 4, held
with ExitStack() as stack:
    for lock in held:
        stack.enter_context(lock)
    child = os.fork()
    if child == 0:
        for_ever = stack.pop_all()
        signal.alarm(5)  # kills it, if it hangs
        #WORK#
        sys.exit(0)  # with all that is done at an exit
assert os.waitpid(child, 0)[1] == 0, "the child hangs, or failed"
hf_hub_download("acme/victim", again)
"""


@pytest.mark.parametrize(
    "work",
    [
        "hf_hub_download('acme/victim', 'vocab.txt', revision=commit)",
        "client.download('acme/victim', 'vocab.txt')",
        "client.close()",
        "CLIENTS.get(client.options).close()",
        "pass",
    ],
)
def test_child_needs_nothing_that_a_thread_of_its_parent_holds(hub: FaultHub, tmp_path: Path, work: str) -> None:
    """Workers that were forked at a bad moment would hang without a word; and their parent goes on as before."""
    environment = {"PATH": os.environ["PATH"], "HF_HOME": str(tmp_path), "HF_ENDPOINT": hub.origin}
    source = PROGRAM.replace("#WORK#", work)

    done = subprocess.run(
        [sys.executable, "-c", source, COMMIT, NOTES],
        env={**environment, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hub" / "models--acme--victim" / "snapshots" / COMMIT / NOTES).is_file()
