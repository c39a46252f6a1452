"""The function that users of inference-models know: its signature, its results, its four errors."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

import pytest

import weighbridge
from tests.support.calls import names
from tests.support.directory_calls import Hooks, call, spec
from tests.support.fault_server import FaultServer
from tests.support.faults import FlipByte, Status
from weighbridge.compat import inference_models
from weighbridge.core.errors import DigestMismatchError, TransferError

# As in the reference of inference-models, and its release 0.39.6 for the first thirteen.
SEED = [
    ("target_dir", inspect.Parameter.empty),
    ("files_specs", inspect.Parameter.empty),
    ("verbose", True),
    ("response_codes_to_retry", None),
    ("request_timeout", None),
    ("max_parallel_downloads", 8),
    ("max_threads_per_download", 8),
    ("file_lock_acquire_timeout", 10),
    ("verify_hash_while_download", True),
    ("download_files_without_hash", False),
    ("name_after", "file_handle"),
    ("on_file_created", None),
    ("on_file_renamed", None),
]
OURS = [("mirrors", None), ("cancel", None), ("observer", None), ("rate_limit", None), ("durable", True)]
ERRORS = ["FileHashSumMissmatch", "InvalidParameterError", "RetryError", "UntrustedFileError"]


pytestmark = pytest.mark.usefixtures("hurried")


def test_signature_is_that_of_the_seed() -> None:
    """A program written for inference-models calls us without a change, by position or by name."""
    parameters = inspect.signature(weighbridge.download_files_to_directory).parameters.values()

    shared = [each for each in parameters if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    added = [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
    assert [(each.name, each.default) for each in shared] == SEED
    assert [(each.name, each.default) for each in added] == OURS
    assert len(shared) + len(added) == len(parameters)


def test_function_is_found_where_it_is_looked_for() -> None:
    """Both names are the same function."""
    assert weighbridge.download_files_to_directory is inference_models.download_files_to_directory


def arguments(server: FaultServer, place: Path, hooks: Hooks) -> list[Any]:
    specs = [spec(server, "/small.bin")]
    return [str(place), specs, False, {503}, 5, 2, 2, 10, True, False, "md5_hash", hooks.created, hooks.renamed]


def test_all_parameters_may_be_given_by_position(server: FaultServer, place: Path) -> None:
    """The order is the reference's as well."""
    hooks = Hooks()

    found = weighbridge.download_files_to_directory(*arguments(server, place, hooks))

    assert found == {"small.bin": str(place / server.digest("/small.bin", "md5"))}
    assert [kind for kind, *_ in hooks.calls] == ["created", "renamed"]


def test_all_parameters_may_be_given_by_name(server: FaultServer, place: Path) -> None:
    """And so are the names."""
    hooks = Hooks()
    given = zip([name for name, _ in SEED], arguments(server, place, hooks), strict=True)

    found = weighbridge.download_files_to_directory(**dict(given))

    assert found == {"small.bin": str(place / server.digest("/small.bin", "md5"))}
    assert [kind for kind, *_ in hooks.calls] == ["created", "renamed"]


def test_result_maps_handles_to_absolute_paths(server: FaultServer, place: Path) -> None:
    """Callers index it by handle and hand the text to ``open``."""
    found = call(place, [spec(server, "/model.bin"), spec(server, "/small.bin", handle="sub/dir/s.bin")])

    assert found == {"model.bin": str(place / "model.bin"), "sub/dir/s.bin": str(place / "sub" / "dir" / "s.bin")}
    assert {type(path) for path in found.values()} == {str}
    assert Path(found["model.bin"]).read_bytes() == server.content("/model.bin")
    assert Path(found["sub/dir/s.bin"]).read_bytes() == server.content("/small.bin")
    assert names(place) == ["model.bin", "sub", "sub/dir", "sub/dir/s.bin"]


def test_nothing_asked_for_is_nothing_done(server: FaultServer, place: Path) -> None:
    """An empty list makes no directory and no request."""
    assert call(place, []) == {}
    assert not place.exists()
    assert server.requests == []


@pytest.mark.parametrize("path_type", [str, Path])
def test_relative_directory_is_below_the_working_directory(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path_type: type
) -> None:
    """The paths that come back are absolute all the same, and don't move with the process."""
    monkeypatch.chdir(tmp_path)

    found = weighbridge.download_files_to_directory(path_type("a/../b"), [spec(server, "/small.bin")], verbose=False)

    assert found == {"small.bin": str(tmp_path / "b" / "small.bin")}


@pytest.mark.parametrize("name", ERRORS)
def test_error_is_one_class_under_all_its_names(name: str) -> None:
    """``except`` clauses work whichever name was imported."""
    assert getattr(weighbridge, name) is getattr(inference_models, name)
    assert issubclass(getattr(weighbridge, name), weighbridge.WeighbridgeError)


def raise_mismatch(server: FaultServer, place: Path) -> None:
    call(place, [("small.bin", server.url("/small.bin"), hashlib.md5(b"another").hexdigest())])


def raise_untrusted(server: FaultServer, place: Path) -> None:
    call(place, [("small.bin", server.url("/small.bin"), None)])


def raise_retry(server: FaultServer, place: Path) -> None:
    server.on(fault=Status(503))
    call(place, [spec(server, "/small.bin")])


def raise_invalid(server: FaultServer, place: Path) -> None:
    call(place, [spec(server, "/small.bin")], name_after="url")


@pytest.mark.parametrize(
    ("name", "provoke"), list(zip(ERRORS, [raise_mismatch, raise_invalid, raise_retry, raise_untrusted], strict=True))
)
def test_each_error_is_raised_and_says_where_there_is_help(
    server: FaultServer, place: Path, name: str, provoke: Any
) -> None:
    """As in the original, an error knows its page of help; ours is installed with the package."""
    with pytest.raises(getattr(weighbridge, name)) as caught:
        provoke(server, place)

    page, _, anchor = caught.value.help_url.partition("#")
    assert Path(page.removeprefix("file://")).is_file()
    assert anchor == type(caught.value).__name__.lower()
    assert names(place) == []


def test_wrong_hash_is_not_published(server: FaultServer, place: Path) -> None:
    """P1: bytes that are not the promised ones never get the name; both digests and the server are said."""
    promised, actual = hashlib.md5(b"another").hexdigest(), server.digest("/small.bin", "md5")

    with pytest.raises(DigestMismatchError) as caught:
        call(place, [("small.bin", server.url("/small.bin"), promised)])

    assert (caught.value.expected.value, caught.value.actual.value) == (promised, actual)
    assert server.origin in str(caught.value)
    assert names(place) == []


@pytest.mark.parametrize("verify", [False, None])
def test_hash_is_checked_even_if_told_not_to(server: FaultServer, place: Path, verify: Any) -> None:
    """``verify_hash_while_download=False`` is accepted and means nothing: the promise has no switch."""
    server.on(fault=FlipByte(5_000))

    with pytest.raises(weighbridge.FileHashSumMissmatch):
        call(place, [spec(server, "/small.bin")], verify_hash_while_download=verify)

    assert names(place) == []


@pytest.mark.parametrize("missing", [None, ""])
def test_file_without_hash_is_refused_before_anything_is_sent(server: FaultServer, place: Path, missing: Any) -> None:
    """Nobody fetches half of a list to learn that the rest can't be trusted."""
    with pytest.raises(weighbridge.UntrustedFileError, match=r"b\.bin"):
        call(place, [spec(server, "/small.bin"), ("b.bin", server.url("/model.bin"), missing)])

    assert server.requests == []
    assert not place.exists()


def test_file_without_hash_is_accepted_if_allowed(server: FaultServer, place: Path) -> None:
    """The seed's second example; together with files that have one."""
    specs = [("weights.pt", server.url("/model.bin"), None), spec(server, "/small.bin")]

    found = call(place, specs, download_files_without_hash=True, verify_hash_while_download=False)

    assert Path(found["weights.pt"]).read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("form", ["{name}:{hex}", "{hex}", "{name}:{HEX}"])
def test_hash_may_be_of_any_kind(server: FaultServer, place: Path, algorithm: str, form: str) -> None:
    """A stronger digest than MD5 is what stops a forged file (failure 45)."""
    value = server.digest("/small.bin", algorithm)
    promised = form.format(name=algorithm, hex=value, HEX=value.upper())

    found = call(place, [("small.bin", server.url("/small.bin"), promised)])

    assert Path(found["small.bin"]).read_bytes() == server.content("/small.bin")


def test_hash_may_be_blake3(server: FaultServer, place: Path) -> None:
    """The fast one, by the optional package."""
    from blake3 import blake3  # noqa: PLC0415 - one test needs it

    promised = "blake3:" + blake3(server.content("/small.bin")).hexdigest()

    found = call(place, [("small.bin", server.url("/small.bin"), promised)])

    assert Path(found["small.bin"]).read_bytes() == server.content("/small.bin")


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_file_may_be_named_after_its_hash(server: FaultServer, place: Path, kind: str) -> None:
    """``name_after="md5_hash"``: the value alone, without the algorithm's name."""
    found = call(place, [spec(server, "/small.bin", kind, handle="../any/handle")], name_after="md5_hash")

    assert found == {"../any/handle": str(place / server.digest("/small.bin", kind))}
    assert names(place) == [server.digest("/small.bin", kind)]


def test_file_without_hash_can_not_be_named_after_it(server: FaultServer, place: Path) -> None:
    """Even if files without a hash are allowed."""
    with pytest.raises(weighbridge.UntrustedFileError, match=r"small\.bin"):
        call(
            place,
            [("small.bin", server.url("/small.bin"), None)],
            name_after="md5_hash",
            download_files_without_hash=True,
        )

    assert server.requests == []


def test_right_file_that_is_there_is_left_alone(server: FaultServer, place: Path) -> None:
    """ "Existing files are skipped automatically": no request, and nobody's file is touched."""
    place.mkdir()
    (place / "small.bin").write_bytes(server.content("/small.bin"))
    before = (place / "small.bin").stat()

    found = call(place, [spec(server, "/small.bin")])

    assert found == {"small.bin": str(place / "small.bin")}
    assert server.requests == []
    assert (place / "small.bin").stat() == before


def test_second_call_asks_nobody(server: FaultServer, place: Path) -> None:
    """P8: a file that was verified once costs a look."""
    specs = [spec(server, "/small.bin"), spec(server, "/model.bin")]
    first = call(place, specs)
    asked = len(server.requests)

    second = call(place, specs)

    assert second == first
    assert len(server.requests) == asked


@pytest.mark.parametrize("there", [b"", b"something else", b"x" * 10_000], ids=["empty", "shorter", "same size"])
def test_wrong_file_that_is_there_is_replaced(server: FaultServer, place: Path, there: bytes) -> None:
    """Being there is not being right."""
    place.mkdir()
    (place / "small.bin").write_bytes(there)

    call(place, [spec(server, "/small.bin")])

    assert (place / "small.bin").read_bytes() == server.content("/small.bin")


def test_wrong_file_stays_until_the_right_one_is_here(server: FaultServer, place: Path) -> None:
    """A failed call leaves what was there; a reader never finds nothing."""
    place.mkdir()
    (place / "small.bin").write_bytes(b"yesterday's")
    server.on(fault=Status(404))

    with pytest.raises(TransferError):
        call(place, [spec(server, "/small.bin")])

    assert (place / "small.bin").read_bytes() == b"yesterday's"


def test_file_that_went_bad_after_it_was_verified_is_replaced(server: FaultServer, place: Path) -> None:
    """A receipt is believed only while the file is untouched."""
    specs = [spec(server, "/small.bin")]
    call(place, specs)
    (place / "small.bin").write_bytes(b"\0" * 10_000)

    call(place, specs)

    assert (place / "small.bin").read_bytes() == server.content("/small.bin")


def test_file_without_hash_that_is_there_is_taken_as_it_is(server: FaultServer, place: Path) -> None:
    """There is nothing to compare it with, and the caller has said that this is fine."""
    place.mkdir()
    (place / "small.bin").write_bytes(b"mine")

    call(place, [("small.bin", server.url("/small.bin"), None)], download_files_without_hash=True)

    assert (place / "small.bin").read_bytes() == b"mine"
    assert server.requests == []
