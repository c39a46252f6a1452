"""Many callers for one file: one transfer, and all succeed; where locks and claims do nothing, all are still right."""

from __future__ import annotations

from tests.support.processes import File
from tests.support.scene import MIB, PIECE, Scene
from tests.support.shims import Shims

CALLERS = 8


def test_eight_processes_make_one_transfer(scene: Scene) -> None:
    """A node with eight ranks pays for one download."""
    with scene.server.gate("/model.bin", after=PIECE):
        clients = [scene.start() for _ in range(CALLERS)]
        for client in clients:
            client.wait_for("Planned")
    outcomes = [client.wait() for client in clients]

    assert [outcome.code for outcome in outcomes] == [0] * CALLERS, [each.errors for each in outcomes]
    assert sum(outcome.fetched for outcome in outcomes) == MIB
    assert scene.server.bytes_sent() == MIB
    assert sorted(each["outcome"] for outcome in outcomes for each in outcome.results) == ["fetched"] + ["joined"] * 7
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_eight_threads_of_one_process_make_one_transfer(scene: Scene) -> None:
    """Threads share a process id, and must still be told apart."""
    scene.put(4 * MIB)
    outcome = scene.start(scene.task(threads=CALLERS)).wait()

    assert outcome.code == 0, outcome.errors
    assert len(outcome.results) == CALLERS
    assert sum(each["outcome"] == "fetched" for each in outcome.results) == 1
    assert scene.server.bytes_sent() == 4 * MIB
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_calls_leave_no_thread_and_no_descriptor(scene: Scene) -> None:
    """A service that makes a call a minute is still there after a year."""
    files = tuple(File(name=f"{each}/m", url=scene.file.url, digest=scene.file.digest) for each in range(4))
    outcome = scene.start(scene.task(files=files, threads=CALLERS)).wait()

    before, after = outcome.usage
    assert outcome.code == 0, outcome.errors
    assert after["descriptors"] <= before["descriptors"]
    assert after["threads"] <= before["threads"] + CALLERS  # the test's own


def test_eight_processes_are_right_where_no_lock_locks(scene: Scene, shims: Shims) -> None:
    """Some cluster file systems grant every lock to everybody; nothing here asks for one."""
    with scene.server.gate("/model.bin", after=PIECE):
        clients = [scene.start(environment=shims.without_locks()) for _ in range(CALLERS)]
        for client in clients:
            client.wait_for("Planned")
    outcomes = [client.wait() for client in clients]

    assert [outcome.code for outcome in outcomes] == [0] * CALLERS, [each.errors for each in outcomes]
    assert scene.server.bytes_sent() == MIB
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_four_processes_are_right_where_every_claim_is_granted(scene: Scene, shims: Shims) -> None:
    """Claims save work and nothing else: four who all believe they hold it publish the right file four times."""
    granting = shims.acting("excl *.wb-claim 0 before share")
    with scene.server.gate("/model.bin", after=PIECE):
        clients = [scene.start(environment=granting) for _ in range(4)]
        for client in clients:
            client.wait_for("FileStarted")
    outcomes = [client.wait() for client in clients]

    assert [outcome.code for outcome in outcomes] == [0] * 4, [each.errors for each in outcomes]
    assert [each["outcome"] for outcome in outcomes for each in outcome.results] == ["fetched"] * 4
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_lists_in_opposite_order_do_not_deadlock(scene: Scene) -> None:
    """Whoever waits for a file goes on with the others meanwhile."""
    names = [f"m{each}" for each in range(6)]
    files = tuple(File(name=each, url=scene.file.url, digest=scene.file.digest) for each in names)
    options = {"transfer": {"files": 2}}
    orders = (files, files[::-1], files[3:] + files[:3], files[::-1][2:] + files[::-1][:2])

    clients = [scene.start(scene.task(options, files=order)) for order in orders]
    outcomes = [client.wait() for client in clients]

    assert [outcome.code for outcome in outcomes] == [0] * 4, [each.errors for each in outcomes]
    assert sum(outcome.fetched for outcome in outcomes) == 6 * MIB
    assert scene.listing() == names


def test_different_files_of_one_name_are_not_mistaken_for_each_other(scene: Scene) -> None:
    """The last one to publish wins; nobody is told that a file is what it is not."""
    scene.server.put("/other", b"\1" * (MIB // 2))
    rival = File(name="model.bin", url=scene.server.url("/other"), digest=f"sha256:{scene.server.digest('/other')}")
    tasks = [scene.task(times=5), scene.task(files=(rival,), times=5)]

    outcomes = [client.wait() for client in [scene.start(task) for task in tasks]]
    scene.fetch()

    assert [outcome.code for outcome in outcomes] == [0, 0], [each.errors for each in outcomes]
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
