"""Every error has an exit code, words, and no secrets."""

from __future__ import annotations

import signal

import pytest

from weighbridge.cli.failures import UNEXPECTED, exit_code_of, facts_of, lines_of, trace_of
from weighbridge.cli.output import OutputClosedError
from weighbridge.cli.signals import Stopped
from weighbridge.core import errors
from weighbridge.core.digests import Digest
from weighbridge.core.errors import BadStatusError, DigestMismatchError, RetriesExhaustedError, WeighbridgeError

CODES = {
    "CancelledError": 130,
    "ClaimTimeoutError": 9,
    "UntrustedFileError": 8,
    "OfflineError": 7,
    "DiskFullError": 6,
    "StoreError": 5,
    "FileHashSumMissmatch": 4,
    "IntegrityError": 4,
    "DigestMismatchError": 4,
    "SizeMismatchError": 4,
    "RetryError": 3,
    "TransferError": 3,
    "RetriesExhaustedError": 3,
    "InvalidParameterError": 2,
    "RequestError": 2,
    "ManifestError": 2,
    "UnsafePathError": 2,
    "WeighbridgeError": 1,
}
KINDS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, WeighbridgeError)]


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_exit_code_is_the_documented_one(name: str, code: int) -> None:
    """Scripts that tell failures apart by the exit code would do the wrong thing."""
    assert exit_code_of(getattr(errors, name)("x")) == code


@pytest.mark.parametrize("kind", [each for each in KINDS if each is not WeighbridgeError])
def test_every_error_has_a_code_of_its_branch(kind: type[WeighbridgeError]) -> None:
    """A new error would look like a bug in the program."""
    assert exit_code_of(kind("x")) != UNEXPECTED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Stopped(signal.SIGINT), 130),
        (Stopped(signal.SIGTERM), 143),
        (KeyboardInterrupt(), 130),
        (OutputClosedError(), 141),
        (ValueError("x"), 1),
    ],
)
def test_what_is_no_error_of_ours_has_a_code_too(error: BaseException, code: int) -> None:
    """Shells and supervisors would not see what ended the command."""
    assert exit_code_of(error) == code


def test_error_is_told_with_its_notes_and_where_help_is() -> None:
    """A user would not know what was kept, nor where to read on."""
    error = BadStatusError("it answered 404")
    error.add_note("5 MB are kept")

    assert lines_of(error) == ["error: it answered 404", "5 MB are kept", "help: weighbridge explain BadStatusError"]


def test_foreign_error_is_told_by_its_kind_alone() -> None:
    """A library's message with a signed URL in it would be printed."""
    assert "S3CRET" not in " ".join(lines_of(ValueError("https://h/?sig=S3CRET")))


def test_trace_tells_of_foreign_causes_only_where_they_were_raised() -> None:
    """A library's message with a signed URL in it would be printed with --debug."""
    try:
        try:
            raise OSError("https://h/?sig=S3CRET")
        except OSError as cause:
            raise WeighbridgeError("it broke") from cause
    except WeighbridgeError as error:
        lines = trace_of(error)

    assert "S3CRET" not in " ".join(each for each in lines if "raise" not in each)
    assert (lines[-1], "builtins.OSError" in lines) == ("weighbridge.core.errors.WeighbridgeError: it broke", True)


def test_facts_are_what_json_can_hold() -> None:
    """Programs would have to parse messages to learn what happened."""
    first = BadStatusError("no", status=503, url="https://h/x")
    error = RetriesExhaustedError("gave up", failures=(first,), digest=Digest("md5", "b" * 32), other=object())

    assert facts_of(error) == {
        "failures": [{"type": "BadStatusError", "message": "no", "facts": {"status": 503, "url": "https://h/x"}}],
        "digest": f"md5:{'b' * 32}",
        "other": "object",
    }


def test_notes_are_no_facts() -> None:
    """JSON would hold text meant for people twice."""
    error = DigestMismatchError("wrong", expected="a")
    error.add_note("note")

    assert facts_of(error) == {"expected": "a"}
