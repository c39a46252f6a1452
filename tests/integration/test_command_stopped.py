"""Ctrl-C and SIGTERM end the command in good order, and the same command goes on from there."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.command import Command, Outcome, wait_for
from tests.support.fault_server import FaultServer

SIZE = 1 << 20
GATE = 400_000
WORDS = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by SIGTERM"}


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def arguments(server: FaultServer, place: Path) -> list[object]:
    return ["get", server.url("/model.bin"), "--digest", server.digest("/model.bin"), "--json", "-o", place]


def stop_half_way(process: subprocess.Popen[bytes], number: signal.Signals) -> Outcome:
    """Send a signal once the gate is reached and the command has told of bytes."""
    assert process.stdout is not None
    line = b""
    while b'"progress"' not in line:
        line = process.stdout.readline()
        assert line, "it ended before it told of bytes"
    process.send_signal(number)
    return wait_for(process)


@pytest.mark.parametrize("number", WORDS)
def test_stop_has_its_exit_code_and_says_how_to_go_on(
    command: Command, server: FaultServer, place: Path, number: signal.Signals
) -> None:
    """A user would think that all is lost, and a supervisor that it failed."""
    with server.gate("/model.bin", after=GATE):
        outcome = stop_half_way(command.start(*arguments(server, place)), number)

    assert (outcome.code, outcome.err.count("\n")) == (128 + number, 1)
    assert outcome.err.startswith(f"{WORDS[number]}; ")
    assert outcome.err.endswith(" of unfinished files are kept; run the same command again to go on from there\n")


@pytest.mark.parametrize("number", WORDS)
def test_same_command_goes_on_from_there(
    command: Command, server: FaultServer, place: Path, number: signal.Signals
) -> None:
    """What had come would be fetched again."""
    with server.gate("/model.bin", after=GATE):
        stopped = stop_half_way(command.start(*arguments(server, place)), number)

    outcome = command.run(*arguments(server, place))

    kept = stopped.event("summary")["bytes_kept"]
    assert (outcome.code, outcome.event("finished")["bytes_resumed"]) == (0, kept)
    assert (kept > 0, outcome.event("summary")["bytes_fetched"]) == (True, SIZE - kept)
    assert (place / "model.bin").read_bytes() == server.content("/model.bin")


def test_nothing_is_held_any_more_after_a_stop(command: Command, server: FaultServer, place: Path) -> None:
    """The next run would wait for a claim that nobody has."""
    with server.gate("/model.bin", after=GATE):
        stop_half_way(command.start(*arguments(server, place)), signal.SIGTERM)

    outcome = command.run(*arguments(server, place))

    assert [each["event"] for each in outcome.events].count("waiting") == 0
    assert [each.name for each in place.iterdir()] == ["model.bin"]


def test_stop_while_the_list_is_typed_ends_it_too(command: Command) -> None:
    """A command that waits for its standard input could not be stopped."""
    process = subprocess.Popen(
        command.line("get", "--manifest", "-", "--json"),
        env=command.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait_until_it_reads(process.pid)

    process.send_signal(signal.SIGINT)
    process.wait(10)

    assert process.returncode == 130
    assert wait_for(process).err == "stopped by Ctrl-C; run the same command again to go on from there\n"


def test_ignored_signal_stays_ignored(command: Command, server: FaultServer, place: Path) -> None:
    """A download in the background of a script would end with the Ctrl-C that was meant for another."""
    with server.gate("/model.bin", after=GATE) as gate:
        process = subprocess.Popen(
            ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command.line(*arguments(server, place))],
            env=command.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        gate.wait_reached()
        process.send_signal(signal.SIGINT)
        gate.release()
        outcome = wait_for(process)

    assert outcome.code == 0


def _wait_until_it_reads(pid: int) -> None:
    """Wait until a process blocks in a read of its standard input (Linux tells which call it is in)."""
    waiter = subprocess.run(
        ["sh", "-c", f"while ! grep -q '^0 0x0 ' /proc/{pid}/syscall; do sleep 0.05; done"], timeout=20, check=True
    )
    assert waiter.returncode == 0
