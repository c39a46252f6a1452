"""Our errors as others know them; which classes of other libraries that are is seen in tests/interop."""

from __future__ import annotations

import errno
import pickle
import traceback
from pathlib import Path

import pytest

from weighbridge.compat.huggingface_hub import errors as public
from weighbridge.compat.huggingface_hub.recast import as_known, recast
from weighbridge.core import errors
from weighbridge.core.errors import (
    BadStatusError,
    ConnectError,
    DiskFullError,
    HfHubHTTPError,
    IntegrityError,
    OfflineError,
    RepositoryNotFoundError,
    RetriesExhaustedError,
    StoreError,
    TransferError,
    WeighbridgeError,
)
from weighbridge.store.faults import storing


def caught(error: Exception) -> Exception:
    """Return what a function raises that is decorated."""

    @as_known()
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as found:
        fail()
    return found.value


@pytest.mark.parametrize("kind", [ConnectError, IntegrityError, StoreError, RetriesExhaustedError])
def test_trouble_is_caught_as_the_system_says_it(kind: type[WeighbridgeError]) -> None:
    """``except OSError`` is all that careful programs had around a download."""
    assert isinstance(caught(kind("x")), OSError)


def test_being_offline_is_caught_as_a_broken_connection() -> None:
    """So it was with every version."""
    assert isinstance(caught(OfflineError("x")), ConnectionError)


@pytest.mark.parametrize("kind", [errors.UntrustedFileError, errors.CancelledError, errors.InvalidParameterError])
def test_what_has_no_other_name_is_left_alone(kind: type[WeighbridgeError]) -> None:
    """An error that the caller made need not look like one of the machine."""
    error = kind("x")

    assert recast(error) is error


def test_errors_of_others_pass() -> None:
    """A bug of the caller's progress bar is not ours to rename."""
    error = KeyError("x")

    assert recast(error) is error
    assert caught(error) is error


def test_class_of_what_the_system_said_is_kept(tmp_path: Path) -> None:
    """Programs tell a full disk from a missing right by class and number."""

    def store() -> None:
        with as_known(), storing(tmp_path, "write"):
            (tmp_path / "x" / "y").touch()

    with pytest.raises(FileNotFoundError) as found:
        store()

    assert isinstance(found.value, StoreError)
    assert (found.value.errno, str(found.value)) == (errno.ENOENT, f"can't write {tmp_path}: No such file or directory")


def test_full_disk_has_its_number() -> None:
    """``error.errno == ENOSPC`` is how it is asked."""
    error = DiskFullError("no room", needed=7)
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")

    found = recast(error)

    assert isinstance(found, OSError)
    assert (found.errno, vars(found)["needed"], str(found)) == (errno.ENOSPC, 7, "no room")


@pytest.mark.parametrize(
    "error",
    [
        BadStatusError("x", status=503, url="https://h/f"),
        RetriesExhaustedError("x", failures=(ConnectError("y"), BadStatusError("z", status=503, url="https://h/f"))),
    ],
)
def test_status_that_ended_a_transfer_is_one_of_the_hub(error: TransferError) -> None:
    """Programs look at ``error.response.status_code``, whichever request it was."""
    found = caught(error)

    assert isinstance(found, HfHubHTTPError)
    assert found.response is not None
    assert (found.status, found.response.status_code, found.response.url) == (503, 503, "https://h/f")


def test_connection_that_ended_a_transfer_is_none() -> None:
    """There was no answer to look at."""
    assert not isinstance(caught(RetriesExhaustedError("x", failures=(ConnectError("y"),))), HfHubHTTPError)


def test_cause_notes_and_place_are_kept() -> None:
    """The traceback is all that a report has; the plain error before it would only be noise."""
    error = TransferError("what happened", offset=7)
    error.add_note("a note")
    error.__cause__ = ValueError("the cause")

    found = caught(error)
    told = "".join(traceback.format_exception(found))

    assert [told.count(each) for each in ("what happened", "a note", "the cause", "in fail")] == [1, 1, 1, 1]
    assert "TransferError: what happened" in told
    assert vars(found)["offset"] == 7


def test_what_was_being_handled_is_kept_apart() -> None:
    """The error before this one would be told as its own."""

    def fail() -> None:
        try:
            raise KeyError("before")
        except KeyError:
            with as_known():
                raise StoreError("after")  # noqa: B904 - without a cause is the case

    with pytest.raises(OSError, match="after") as found:
        fail()

    assert isinstance(found.value.__context__, KeyError)
    assert found.value.__cause__ is None


def test_it_crosses_a_process_border_as_the_plain_error() -> None:
    """A class that is made on the fly is known to one process only."""
    found = caught(TransferError("x", url="https://h/f"))

    copy = pickle.loads(pickle.dumps(found))

    assert type(found) is not TransferError
    assert (type(copy), str(copy), copy.url) == (TransferError, "x", "https://h/f")


def test_classes_are_made_once() -> None:
    """A server that fails for days would fill the memory with them."""
    assert type(recast(TransferError("x"))) is type(recast(TransferError("y")))


def test_decorated_function_keeps_its_face() -> None:
    """``inspect.signature`` and help are read of it."""

    @as_known()
    def get(repo_id: str) -> str:
        """Say it."""
        return repo_id

    assert (get("x"), get.__name__, get.__doc__) == ("x", "get", "Say it.")


def test_public_names_are_our_errors() -> None:
    """An ``except`` clause with a class of the same name that is another one catches nothing."""
    found = {name: getattr(public, name) for name in public.__all__}

    assert found == {name: getattr(errors, name) for name in public.__all__}
    assert issubclass(RepositoryNotFoundError, found["HfHubHTTPError"])
