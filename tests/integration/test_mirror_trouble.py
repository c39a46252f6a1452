"""A mirror in trouble: no descriptors, slow digests, nobody who reads its log, clients on the wrong side of nginx."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.mirror import HubCache, Mirror, read_reply, request_bytes
from tests.support.processes import wait_until

COMMIT = "1" * 40
FOLDER = "models--acme--demo"
FILES = {"config.json": b"{}", "model.bin": b"weights" * 1000}
GIB = 1 << 30


@pytest.fixture
def cache(tmp_path: Path) -> HubCache:
    made = HubCache(tmp_path / "hub")
    made.put(FOLDER, COMMIT, FILES, "main")
    return made


@pytest.mark.parametrize("target", ["/api/models/acme/demo/revision/main", f"/api/models/acme/demo/tree/{COMMIT}"])
def test_too_many_open_files_are_not_an_empty_repository(cache: HubCache, tmp_path: Path, target: str) -> None:
    """Clients would keep the empty listing, or note for ever that a file does not exist."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    options = ("--cache-dir", cache.root, "--repo", f"acme/other={folder}")
    with Mirror(tmp_path / "home", *options, prefix=("prlimit", "--nofile=100")) as mirror, ExitStack() as stack:
        asking = stack.enter_context(mirror.connect())
        asking.sendall(request_bytes("/healthz"))
        read_reply(asking)
        subprocess.run(["prlimit", "--pid", str(mirror.pid), f"--nofile={mirror.descriptors}"], check=True)
        replies = []
        for each in (target, target.replace("acme/demo", "acme/other").replace(COMMIT, "main")):
            asking.sendall(request_bytes(each))
            replies.append(read_reply(asking))

    assert [(each.status, each.headers.get("retry-after")) for each in replies] == [(503, "5")] * 2


def test_health_is_told_while_everybody_waits_for_a_digest(tmp_path: Path) -> None:
    """A balancer would take the mirror out, and all who are being served with it."""
    snapshot = HubCache(tmp_path / "hub").put(FOLDER, COMMIT, FILES, "main")
    with (snapshot / "large.bin").open("wb") as file:  # no link: nothing tells its digest
        file.truncate(64 * GIB)
    with Mirror(tmp_path / "home", "--cache-dir", tmp_path / "hub") as mirror, ThreadPoolExecutor(60) as pool:
        waiting = [pool.submit(mirror.ask, "/acme/demo/resolve/main/large.bin", method="HEAD") for _ in range(60)]
        wait_until(lambda: mirror.metric("weighbridge_active_requests") > 1 or any(each.done() for each in waiting))

        health = mirror.ask("/healthz")

        assert health.status == 200
        assert {each.result().status for each in waiting} == {503}
        assert mirror.stop() == 0


def test_client_that_goes_past_nginx_gets_nothing_to_keep(cache: HubCache, tmp_path: Path) -> None:
    """An empty body under the name of the file would stay in its cache for ever."""
    with Mirror(tmp_path / "home", "--cache-dir", cache.root, "--accel", "nginx") as mirror:
        reply = mirror.ask("/acme/demo/resolve/main/model.bin", method="HEAD")

    assert reply.headers.keys().isdisjoint({"etag", "x-repo-commit"})
    assert reply.headers["x-accel-redirect"].startswith("/_weighbridge_files/")


def test_log_that_nobody_reads_keeps_nobody_waiting(cache: HubCache, tmp_path: Path) -> None:
    """A pager that was stopped would stop the server."""
    command = Command(tmp_path / "home")
    (tmp_path / "home").mkdir()
    process = subprocess.Popen(
        command.line("serve", "--port", "0", "--cache-dir", cache.root, "--access-log", "json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=command.environment,
    )
    try:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip().removeprefix("HF_ENDPOINT=")
        script = (
            "import sys, urllib.request as u\n"
            "for n in range(1500): assert u.urlopen(sys.argv[1] + '/healthz', timeout=20).status == 200"
        )
        asking = [sys.executable, "-c", script, endpoint]
        subprocess.run(asking, check=True, timeout=50, env={**os.environ, "no_proxy": "*"})
        process.terminate()

        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def test_stop_while_hashing_ends_at_once_and_says_so(tmp_path: Path) -> None:
    """The first start with a large folder takes long; nobody should need kill -9 for it."""
    folder, command = tmp_path / "folder", Command(tmp_path / "home")
    (tmp_path / "home").mkdir()
    folder.mkdir()
    with (folder / "large.bin").open("wb") as file:
        file.truncate(64 * GIB)
    error = tmp_path / "err"
    with error.open("wb") as err:
        process = subprocess.Popen(
            command.line("serve", "--port", "0", "--repo", f"acme/demo={folder}"),
            stdout=subprocess.DEVNULL,
            stderr=err,
            env=command.environment,
        )
    wait_until(lambda: "hashed" in error.read_text())
    began = time.monotonic()

    process.terminate()
    code = process.wait(20)

    assert (code, "stopped by SIGTERM" in error.read_text()) == (143, True)
    assert time.monotonic() - began < 10
