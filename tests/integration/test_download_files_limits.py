"""The seed's function: what its numbers and the environment of inference-models do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import weighbridge
from tests.support.calls import names
from tests.support.directory_calls import call, spec
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import Delay, StallBeforeHeaders, Status
from weighbridge.core.errors import BadStatusError, ClaimTimeoutError, OfflineError, RetriesExhaustedError, StalledError

MIB = 1 << 20


def test_status_is_tried_again_if_the_caller_says_so(server: FaultServer, place: Path) -> None:
    """``response_codes_to_retry``, for a status that usually is final."""
    server.on(fault=Status(418), times=1)

    found = call(place, [spec(server, "/small.bin")], response_codes_to_retry={418})

    assert Path(found["small.bin"]).read_bytes() == server.content("/small.bin")
    assert [each.status for each in server.requests] == [418, 206]


def test_status_is_final_if_the_caller_leaves_it_out(server: FaultServer, place: Path) -> None:
    """An empty set tries nothing again."""
    server.on(fault=Status(503), times=1)

    with pytest.raises(BadStatusError) as caught:
        call(place, [spec(server, "/small.bin")], response_codes_to_retry=set())

    assert caught.value.status == 503
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_usual_statuses_are_tried_again(server: FaultServer, place: Path, status: int) -> None:
    """500 as well, which the reference promises and inference-models does not do."""
    server.on(fault=Status(status, {"Retry-After": "0"}), times=1)

    call(place, [spec(server, "/small.bin")])

    assert [each.status for each in server.requests] == [status, 206]


@pytest.mark.usefixtures("hurried")
def test_request_timeout_bounds_the_wait_for_an_answer(server: FaultServer, place: Path) -> None:
    """P3: a server that accepts and is silent costs the timeout, not the day."""
    server.on(fault=StallBeforeHeaders())
    began = time.monotonic()

    with pytest.raises(RetriesExhaustedError) as caught:
        call(place, [spec(server, "/small.bin")], request_timeout=0.3)

    assert time.monotonic() - began < 25
    assert [type(each) for each in caught.value.failures] == [StalledError, StalledError]


def test_few_files_are_in_transfer_at_a_time(place: Path) -> None:
    """``max_parallel_downloads`` and ``max_threads_per_download`` bound what a server sees of us."""
    files = {f"/{number}": SparseFile(20_000, seed=number) for number in range(6)}
    with FaultServer(files) as server:
        server.always(Delay(0.03))

        call(place, [spec(server, path) for path in files], max_parallel_downloads=2, max_threads_per_download=1)

        assert server.max_open_connections <= 2


@pytest.mark.parametrize("threads", [0, 1])
def test_large_file_is_fetched_by_one_connection_if_the_caller_says_so(place: Path, threads: int) -> None:
    """0 is 1, as in inference-models."""
    with FaultServer({"/big": SparseFile(20 * MIB)}) as server:
        found = call(place, [spec(server, "/big")], max_threads_per_download=threads)

        assert Path(found["big"]).stat().st_size == 20 * MIB
        assert server.max_concurrent == 1


def test_large_file_is_fetched_by_several_connections(place: Path) -> None:
    """That is what it is called for, and no HEAD has to be answered for it."""
    with FaultServer({"/big": SparseFile(40 * MIB)}) as server:
        server.on(method="HEAD", fault=Status(403))
        server.always(Delay(0.05))

        call(place, [spec(server, "/big")])

        assert server.max_concurrent > 1
        assert {each.method for each in server.requests} == {"GET"}


def test_rate_limit_is_kept(server: FaultServer, place: Path) -> None:
    """1 MiB at 2 MB a second takes half a second."""
    began = time.monotonic()

    call(place, [spec(server, "/model.bin")], rate_limit=2e6)

    assert 0.3 < time.monotonic() - began < 25


def test_file_need_not_be_flushed(server: FaultServer, place: Path) -> None:
    """``durable=False`` leaves out the flush and nothing else."""
    found = call(place, [spec(server, "/model.bin")], durable=False)

    assert Path(found["model.bin"]).read_bytes() == server.content("/model.bin")
    assert names(place) == ["model.bin"]


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_holder_without_progress_is_waited_for_only_so_long(
    server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A frozen holder does not freeze everybody; the error is a ``RetryError``."""
    monkeypatch.setenv("INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT", "1" if how == "environment" else "500")
    more = {"file_lock_acquire_timeout": 1} if how == "argument" else {}
    cancel, gate = threading.Event(), server.gate("/model.bin", after=100_000)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(call, place, [spec(server, "/model.bin")], cancel=cancel)
        gate.wait_reached()
        began = time.monotonic()
        with pytest.raises(weighbridge.RetryError) as caught:
            call(place, [spec(server, "/model.bin")], **more)
        took = time.monotonic() - began
        cancel.set()

    assert isinstance(holder.exception(), weighbridge.CancelledError)
    assert isinstance(caught.value, ClaimTimeoutError)
    assert 0.9 < took < 10


@pytest.mark.parametrize("offline", ["OFFLINE_MODE", "WEIGHBRIDGE_OFFLINE"])
def test_offline_asks_nobody(server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch, offline: str) -> None:
    """What is missing is said; inference-models raises a ``RuntimeError``, which ours is too."""
    monkeypatch.setenv(offline, "True")

    with pytest.raises(OfflineError, match=r"small\.bin") as caught:
        call(place, [spec(server, "/small.bin")])

    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, weighbridge.RetryError)
    assert server.requests == []


def test_offline_returns_what_is_there(server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was filled before works without a network."""
    specs = [spec(server, "/small.bin"), spec(server, "/model.bin")]
    before = call(place, specs)
    monkeypatch.setenv("OFFLINE_MODE", "1")

    assert call(place, specs) == before


def test_offline_does_not_believe_a_wrong_file(
    server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1 holds without a network as well."""
    monkeypatch.setenv("OFFLINE_MODE", "1")
    place.mkdir()
    (place / "small.bin").write_bytes(b"x" * 10_000)

    with pytest.raises(OfflineError):
        call(place, [spec(server, "/small.bin")])

    assert (place / "small.bin").read_bytes() == b"x" * 10_000


@pytest.mark.parametrize(("name", "tries"), [("API_CALLS_MAX_TRIES", 3), ("CHUNK_DOWNLOAD_MAX_ATTEMPTS", 2)])
def test_tries_are_read_from_the_environment(
    server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch, name: str, tries: int
) -> None:
    """A failure is final after so many."""
    monkeypatch.setenv(name, str(tries))
    server.on(fault=Status(503, {"Retry-After": "0"}))

    with pytest.raises(weighbridge.RetryError):
        call(place, [spec(server, "/small.bin")])

    assert len(server.requests) == tries


@pytest.mark.parametrize("name", ["API_CALLS_TIMEOUT", "CHUNK_DOWNLOAD_READ_TIMEOUT"])
def test_timeouts_are_read_from_the_environment(
    server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A silent server is given up after so many seconds."""
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "1")
    monkeypatch.setenv(name, "0.3")
    server.on(fault=StallBeforeHeaders())
    began = time.monotonic()

    with pytest.raises(weighbridge.RetryError):
        call(place, [spec(server, "/small.bin")])

    assert time.monotonic() - began < 25


def test_statuses_are_read_from_the_environment(
    server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``IDEMPOTENT_API_REQUEST_CODES_TO_RETRY``; the argument wins over it."""
    monkeypatch.setenv("IDEMPOTENT_API_REQUEST_CODES_TO_RETRY", "418, 429")
    server.on(fault=Status(418), times=2)

    call(place, [spec(server, "/small.bin")])
    server.on(fault=Status(418), times=1)
    with pytest.raises(BadStatusError):
        call(place, [spec(server, "/model.bin")], response_codes_to_retry={503})

    assert [each.status for each in server.requests] == [418, 418, 206, 418]


@pytest.mark.parametrize("name", ["API_CALLS_TIMEOUT", "OFFLINE_MODE", "DISABLE_INTERACTIVE_PROGRESS_BARS"])
def test_variable_that_means_nothing_is_refused_before_anything_is_sent(
    server: FaultServer, place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The error names the variable."""
    monkeypatch.setenv(name, "perhaps")

    with pytest.raises(weighbridge.InvalidParameterError, match=name):
        call(place, [spec(server, "/small.bin")])

    assert server.requests == []


PROGRAM = """
import sys
from weighbridge import download_files_to_directory
download_files_to_directory(sys.argv[1], [("small.bin", sys.argv[2], sys.argv[3])], verbose=sys.argv[4] == "True")
"""


@pytest.mark.parametrize(
    ("verbose", "disabled", "is_shown"), [(True, "", True), (True, "True", False), (False, "", False)]
)
def test_progress_is_shown_on_standard_error_unless_switched_off(
    server: FaultServer, place: Path, verbose: bool, disabled: str, is_shown: bool
) -> None:
    """``verbose`` and ``DISABLE_INTERACTIVE_PROGRESS_BARS``; standard output belongs to the program."""
    arguments = [str(place), *spec(server, "/small.bin")[1:], str(verbose)]
    environment = dict(os.environ) | {"DISABLE_INTERACTIVE_PROGRESS_BARS": disabled}

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ("small.bin" in done.stderr) is is_shown
    assert done.stdout == ""
    assert (place / "small.bin").read_bytes() == server.content("/small.bin")
