"""The seed's function: duplicates, mirrors, callbacks, and arguments that can't mean anything."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import weighbridge
from tests.support.calls import Diary, names, open_descriptors
from tests.support.directory_calls import Hooks, call, spec
from tests.support.fault_server import FaultServer
from tests.support.faults import FlipByte, Status
from weighbridge import FileFinished, FileStarted, InvalidParameterError
from weighbridge.core.errors import StoreError

pytestmark = pytest.mark.usefixtures("hurried")

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def test_exact_repetition_is_fetched_once(server: FaultServer, place: Path) -> None:
    """A list put together from several places names a file twice."""
    found = call(place, [spec(server, "/small.bin"), spec(server, "/small.bin")])

    assert found == {"small.bin": str(place / "small.bin")}
    assert len(server.requests) == 1


def test_exact_repetition_without_hash_is_fetched_once(server: FaultServer, place: Path) -> None:
    """Also where only the address says that it is the same file."""
    specs = [("a", server.url("/small.bin"), None)] * 2

    call(place, specs, download_files_without_hash=True)

    assert len(server.requests) == 1


def test_two_handles_of_one_hash_are_one_file_named_after_it(server: FaultServer, place: Path) -> None:
    """Packages share files; each handle finds it."""
    specs = [spec(server, "/small.bin", handle="one"), spec(server, "/small.bin", handle="two")]

    found = call(place, specs, name_after="md5_hash")

    assert found["one"] == found["two"] == str(place / server.digest("/small.bin", "md5"))
    assert len(server.requests) == 1


def test_two_spellings_of_one_path_are_one_file(server: FaultServer, place: Path) -> None:
    """The file is not fetched into itself."""
    found = call(place, [spec(server, "/small.bin", handle="a/b"), spec(server, "/small.bin", handle="./a//b")])

    assert found["a/b"] == found["./a//b"] == str(place / "a" / "b")
    assert len(server.requests) == 1


def test_same_hash_from_two_addresses_is_one_file_with_a_mirror(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """If the first can't give it, the second does."""
    server.on(fault=Status(404))

    found = call(place, [spec(server, "/small.bin"), spec(mirror, "/small.bin")])

    assert Path(found["small.bin"]).read_bytes() == mirror.content("/small.bin")


@pytest.mark.parametrize("allowed", [True, False])
def test_one_handle_for_two_files_is_refused(server: FaultServer, place: Path, allowed: bool) -> None:
    """Which of the two would the result name?"""
    one, other = spec(server, "/small.bin", handle="a"), spec(server, "/model.bin", handle="a")

    with pytest.raises(InvalidParameterError, match="'a'"):
        call(place, [one, other], download_files_without_hash=allowed)
    with pytest.raises(InvalidParameterError, match="'a'"):
        call(place, [one, other], name_after="md5_hash")

    assert server.requests == []


def test_one_handle_for_two_addresses_without_hash_is_refused(server: FaultServer, place: Path) -> None:
    """Nothing says that they are the same bytes."""
    specs = [("a", server.url("/small.bin"), None), ("a", server.url("/model.bin"), None)]

    with pytest.raises(InvalidParameterError, match="'a'"):
        call(place, specs, download_files_without_hash=True)


def test_mirror_gives_what_the_primary_can_not(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """``mirrors``: further addresses of the same bytes, by handle."""
    server.on(path="/model.bin", fault=Status(404))
    specs = [spec(server, "/model.bin"), spec(server, "/small.bin")]

    found = call(place, specs, mirrors={"model.bin": [mirror.url("/model.bin")]})

    assert Path(found["model.bin"]).read_bytes() == mirror.content("/model.bin")
    assert {each.path for each in mirror.requests} == {"/model.bin"}


def test_mirror_that_lies_costs_time_only(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """The hash decides, so a mirror need not be trusted."""
    mirror.on(fault=FlipByte(500_000))

    found = call(place, [spec(server, "/model.bin")], mirrors={"model.bin": [mirror.url("/model.bin")]})

    assert Path(found["model.bin"]).read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize(
    ("mirrors", "words"),
    [
        ({"modle.bin": ["https://m.example/x"]}, "modle.bin"),
        ({"small.bin": "https://m.example/x"}, "list of URLs"),
        ({"small.bin": ["ftp://m.example/x"]}, "small.bin"),
        ({"small.bin": [5]}, "small.bin"),
        ({"small.bin": None}, "small.bin"),
    ],
)
def test_mirrors_that_mean_nothing_are_refused(server: FaultServer, place: Path, mirrors: Any, words: str) -> None:
    """A typo in a handle would leave the file without its mirror, unnoticed."""
    with pytest.raises(InvalidParameterError, match=words):
        call(place, [spec(server, "/small.bin")], mirrors=mirrors)

    assert server.requests == []


def test_callbacks_come_in_order_with_what_they_promise(server: FaultServer, place: Path) -> None:
    """``on_file_created`` has a file that is there, ``on_file_renamed`` one that has its name."""
    hooks, thread = Hooks(), []
    specs = [spec(server, "/model.bin"), spec(server, "/small.bin")]

    found = call(
        place,
        specs,
        on_file_created=hooks.created,
        on_file_renamed=hooks.renamed,
        observer=lambda _: thread.append(threading.get_ident()),
    )

    created = [path for kind, *(path, *_) in hooks.calls if kind == "created"]
    renamed = {old: new for kind, *rest in hooks.calls if kind == "renamed" for old, new in [rest]}
    assert sorted(renamed) == sorted(created)
    assert sorted(renamed.values()) == sorted(found.values())
    assert all(
        hooks.calls.index(("created", old)) < hooks.calls.index(("renamed", old, renamed[old])) for old in created
    )
    assert set(hooks.sights) == {(True,), (False, True)}
    assert all(Path(each).is_absolute() for each in created)
    assert set(thread) == {threading.get_ident()}


def test_callbacks_are_not_called_for_files_that_are_there(server: FaultServer, place: Path) -> None:
    """Nothing was created and nothing renamed."""
    hooks = Hooks()
    call(place, [spec(server, "/small.bin")])

    call(place, [spec(server, "/small.bin")], on_file_created=hooks.created, on_file_renamed=hooks.renamed)

    assert hooks.calls == []


class OddError(Exception):
    """What a caller's own code raises."""


def fail(*_: str) -> None:
    raise OddError


@pytest.mark.parametrize("hook", ["on_file_created", "on_file_renamed", "observer"])
def test_error_in_a_callback_ends_the_call_and_comes_out(server: FaultServer, place: Path, hook: str) -> None:
    """The caller's own error is not swallowed, nothing of ours goes on, and the same call works again."""
    before, specs = open_descriptors(), [spec(server, "/model.bin"), spec(server, "/small.bin")]

    with pytest.raises(OddError):
        call(place, specs, **{hook: fail})
    server.wait_idle()
    threads = [each.name for each in threading.enumerate() if each.name.startswith("weighbridge")]
    left_open = {each for each in open_descriptors() - before if str(place) in each}
    found = call(place, specs)

    assert threads == []
    assert left_open == set()
    assert [Path(found[name]).read_bytes() for name in found] == [server.content(f"/{name}") for name in found]
    assert names(place) == ["model.bin", "small.bin"]


def test_file_is_there_when_the_callback_about_its_name_fails(server: FaultServer, place: Path) -> None:
    """What is verified is not taken back."""
    with pytest.raises(OddError):
        call(place, [spec(server, "/small.bin")], on_file_renamed=fail)

    assert (place / "small.bin").read_bytes() == server.content("/small.bin")


def test_observer_sees_the_file_finish(server: FaultServer, place: Path) -> None:
    """Programs show progress of their own."""
    diary = Diary()

    call(place, [spec(server, "/small.bin")], observer=diary)

    finished = [each.result for each in diary.events if isinstance(each, FileFinished)]
    assert [(each.name, each.outcome, each.size) for each in finished] == [("small.bin", "fetched", 10_000)]


def test_cancelled_call_ends_and_the_next_goes_on(server: FaultServer, place: Path) -> None:
    """``cancel`` is looked at between reads; what arrived is kept."""
    gate, cancel, diary = server.gate("/model.bin", after=500_000), threading.Event(), Diary()
    threading.Timer(0.3, cancel.set).start()

    with pytest.raises(weighbridge.CancelledError):
        call(place, [spec(server, "/model.bin")], cancel=cancel)
    gate.release()
    found = call(place, [spec(server, "/model.bin")], observer=diary)

    assert Path(found["model.bin"]).read_bytes() == server.content("/model.bin")
    assert [each.resumed > 100_000 for each in diary.events if isinstance(each, FileStarted)] == [True]


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        (None, "files_specs is a list"),
        ("model.bin", "files_specs is a list"),
        (5, "files_specs is a list"),
        ({"model.bin": "https://e.example/x"}, "files_specs is a list"),
        ([("a", "https://e.example/x")], r"files_specs\[0\] has 2 items"),
        ([("a", "https://e.example/x", MD5), ("b", "https://e.example/x", MD5, 1)], r"files_specs\[1\] has 4 items"),
        (["abc"], r"files_specs\[0\] is a tuple"),
        ([None], r"files_specs\[0\] is a tuple"),
        ([(5, "https://e.example/x", MD5)], r"files_specs\[0\]: file_handle is text, not int"),
        ([(Path("a"), "https://e.example/x", MD5)], r"files_specs\[0\]: file_handle is text, not PosixPath"),
        ([("a", None, MD5)], r"files_specs\[0\]: download_url is text, not NoneType"),
        ([("a", "https://e.example/x", 5)], r"files_specs\[0\]: md5_hash is text or None, not int"),
        ([("a", "https://e.example/x", b"x")], r"files_specs\[0\]: md5_hash is text or None, not bytes"),
        ([("a", "https://e.example/x", "abc123")], "'a': not a digest: 'abc123'"),
        ([("a", "e.example/x", MD5)], "'a': not an absolute http or https URL"),
        ([("", "https://e.example/x", MD5)], "not empty"),
        ([("a", "https://e.example/x", MD5), ("a/b", "https://e.example/y", MD5)], "can't both be in one directory"),
    ],
)
def test_spec_that_means_nothing_is_refused_and_named(place: Path, specs: Any, words: str) -> None:
    """Who gives a list of a thousand learns which line is wrong, and what is."""
    with pytest.raises(InvalidParameterError, match=words):
        weighbridge.download_files_to_directory(str(place), specs, verbose=False)

    assert not place.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("name_after", value) for value in ("url", "MD5_HASH", None, ["file_handle"])),
        *(("request_timeout", value) for value in (0, -1, "5", (3, 5), True, float("nan"), 10**10)),
        *(("max_parallel_downloads", value) for value in (0, -1, 1.5, "8", None, True)),
        *(("max_threads_per_download", value) for value in (-1, 1.5, "8", None)),
        *(("file_lock_acquire_timeout", value) for value in ("10", None, float("nan"), 10**10)),
        *(("response_codes_to_retry", value) for value in (503, "503", [99], {"503"}, {503.0})),
        *(("rate_limit", value) for value in (0, -1, 0.5, "20M", float("inf"))),
        *((name, "print") for name in ("on_file_created", "on_file_renamed", "observer")),
    ],
)
def test_argument_that_means_nothing_is_refused_and_named(
    server: FaultServer, place: Path, name: str, value: Any
) -> None:
    """The message has the name that the caller wrote, not one of ours."""
    with pytest.raises(InvalidParameterError, match=name):
        call(place, [spec(server, "/small.bin")], **{name: value})

    assert server.requests == []
    assert not place.exists()


@pytest.mark.parametrize("target", ["", "a\0b", None, 5, b"bytes"])
def test_directory_that_means_nothing_is_refused(server: FaultServer, target: Any) -> None:
    """An empty name is not the working directory."""
    with pytest.raises(InvalidParameterError, match="directory"):
        weighbridge.download_files_to_directory(target, [spec(server, "/small.bin")], verbose=False)

    assert server.requests == []


def test_directory_that_is_a_file_is_an_error_of_the_store(server: FaultServer, place: Path) -> None:
    """The file is not touched."""
    place.write_bytes(b"mine")

    with pytest.raises(StoreError, match="out"):
        call(place, [spec(server, "/small.bin")])

    assert place.read_bytes() == b"mine"
    assert server.requests == []


def test_path_that_is_too_long_is_an_error_of_ours(server: FaultServer, place: Path) -> None:
    """Not a bare ``OSError`` from somewhere inside."""
    handle = "/".join(["abcdef"] * 600)

    with pytest.raises((StoreError, InvalidParameterError)):
        call(place, [spec(server, "/small.bin", handle=handle)])

    assert server.requests == []
