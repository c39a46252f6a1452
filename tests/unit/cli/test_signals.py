"""The first signal lets work end in good order, the second doesn't wait for that."""

from __future__ import annotations

import signal

import pytest

from weighbridge.cli.signals import Stopped, StopSignals


def test_signal_ends_what_is_not_patient_at_once() -> None:
    """A command that reads a manifest from a terminal could not be stopped."""
    with StopSignals(), pytest.raises(Stopped, match="stopped by SIGTERM"):
        signal.raise_signal(signal.SIGTERM)


def test_first_signal_only_asks_a_patient_block_to_stop() -> None:
    """Claims and unfinished files would be left as if the power had failed."""
    with StopSignals() as signals, signals.patiently():
        signal.raise_signal(signal.SIGINT)

        assert (signals.cancel.is_set(), signals.number) == (True, signal.SIGINT)


def test_second_signal_does_not_wait() -> None:
    """A transfer that can't stop could only be killed."""
    with StopSignals() as signals, signals.patiently():
        signal.raise_signal(signal.SIGINT)

        with pytest.raises(Stopped, match="stopped by Ctrl-C"):
            signal.raise_signal(signal.SIGTERM)


def test_handlers_are_put_back() -> None:
    """A program that runs the command inside itself would lose its own handlers."""
    before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]

    with StopSignals():
        pass

    assert [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)] == before


def test_no_except_clause_for_errors_catches_a_stop() -> None:
    """Code that shrugs off errors would shrug off Ctrl-C."""
    assert not issubclass(Stopped, Exception)
