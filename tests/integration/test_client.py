"""The client: what it takes, what it returns, and that one of them serves a whole program."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import QUICK, ask, names
from tests.support.fault_server import FaultServer
from weighbridge import Client, FileRequest, InvalidParameterError, UntrustedFileError
from weighbridge.core.artifacts import Artifact
from weighbridge.core.errors import SizeMismatchError


def test_results_come_in_the_order_of_the_request(server: FaultServer, place: Path) -> None:
    """One for each different file, whichever was done first."""
    requests = [ask(server, "/small.bin"), ask(server, "/model.bin"), ask(server, "/small.bin")]

    with Client(QUICK) as client:
        results = client.fetch(requests, place)

    assert [each.name for each in results] == ["small.bin", "model.bin"]
    assert [each.path.read_bytes() for each in results] == [server.content("/small.bin"), server.content("/model.bin")]


@pytest.mark.parametrize(
    "give",
    [
        lambda request: request,
        lambda request: (each for each in [request]),
        lambda request: {request.name: request}.values(),
    ],
)
def test_files_may_come_in_any_form(server: FaultServer, place: Path, give: Any) -> None:
    """A list, a generator, a view of a dictionary, or a single request."""
    with Client(QUICK) as client:
        results = client.fetch(give(ask(server, "/small.bin")), place)

    assert [each.outcome for each in results] == ["fetched"]


@pytest.mark.parametrize("files", [None, 5, "model.bin", [None], [("a", "https://e.example/a")], [{"name": "a"}]])
def test_what_is_no_request_is_refused(place: Path, files: Any) -> None:
    """With a word on what is wanted, not with an odd attribute error."""
    with Client(QUICK) as client, pytest.raises(InvalidParameterError, match="FileRequest"):
        client.fetch(files, place)

    assert not place.exists()


@pytest.mark.parametrize("directory", ["", None, 5, b"x", "a\0b"])
def test_what_is_no_directory_is_refused(directory: Any) -> None:
    """An empty name is not the working directory."""
    with Client(QUICK) as client, pytest.raises(InvalidParameterError, match="directory"):
        client.fetch([], directory)


def test_nothing_asked_for_is_nothing_done(server: FaultServer, place: Path) -> None:
    """No directory is made, and nobody is asked."""
    with Client(QUICK) as client:
        results = client.fetch([], place)

    assert results == ()
    assert not place.exists()


def test_two_requests_for_one_name_are_refused(server: FaultServer, place: Path) -> None:
    """Which of the two would be there in the end?"""
    one, other = ask(server, "/small.bin"), ask(server, "/model.bin")

    with Client(QUICK) as client, pytest.raises(InvalidParameterError, match=r"small\.bin"):
        client.fetch([one, replace(other, name=one.name)], place)

    assert server.requests == []


def test_promised_size_that_is_wrong_is_not_published(server: FaultServer, place: Path) -> None:
    """A size is a promise, too."""
    request = ask(server, "/small.bin", size=9_999)

    with Client(QUICK) as client, pytest.raises(SizeMismatchError, match="9999"):
        client.fetch([request], place)

    assert "small.bin" not in names(place)


def test_request_without_a_digest_is_refused_unless_allowed(server: FaultServer, place: Path) -> None:
    """P1: nobody gets unverified bytes by forgetting something."""
    request = ask(server, "/small.bin", digest=None)

    with Client(QUICK) as client:
        with pytest.raises(UntrustedFileError):
            client.fetch([request], place)
        results = client.fetch([request], place, allow_unverified=True)

    assert results[0].digest is None
    assert results[0].path.read_bytes() == server.content("/small.bin")


def test_connections_are_kept_between_calls(server: FaultServer, place: Path) -> None:
    """P8: a program that fetches file after file greets the server once."""
    with Client(QUICK) as client:
        client.fetch([ask(server, "/small.bin")], place / "one")
        client.fetch([ask(server, "/small.bin")], place / "two")

    assert server.connections == 1


def test_closed_client_may_be_used_again(server: FaultServer, place: Path) -> None:
    """Closing lets go of connections, not of the client."""
    client = Client(QUICK)
    client.fetch([ask(server, "/small.bin")], place / "one")
    client.close()

    results = client.fetch([ask(server, "/small.bin")], place / "two")
    client.close()
    client.close()

    assert results[0].outcome == "fetched"


def test_client_is_shared_between_threads(server: FaultServer, place: Path) -> None:
    """One for a program; each call gets its own files."""
    with Client(QUICK) as client, ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(client.fetch, [ask(server, "/small.bin")], place / str(index)) for index in range(8)]
        paths = [each.result()[0].path for each in calls]

    assert [each.read_bytes() for each in paths] == [server.content("/small.bin")] * 8


def test_request_made_by_hand_is_as_good_as_one_that_was_read(server: FaultServer, place: Path) -> None:
    """The nouns are public."""
    read = ask(server, "/small.bin")
    artifact = Artifact(name="small.bin", sources=read.artifact.sources, digest=read.artifact.digest)

    with Client(QUICK) as client:
        [result] = client.fetch([FileRequest(name=read.name, artifact=artifact)], place)

    assert result.path.read_bytes() == server.content("/small.bin")


def test_options_of_a_client_can_be_read() -> None:
    """They are the starting point for others."""
    assert Client(QUICK).options == QUICK
    assert Client().options.http.user_agent.startswith("weighbridge/")
