"""``get_hf_file_metadata``: what a server tells of a file, and who is told the token for it."""

from __future__ import annotations

import pytest

from tests.support.fault_hub import FaultHub, Manner, Way
from tests.support.faults import StallBeforeHeaders, Status
from tests.support.hub.addresses import cached_path, file_path
from tests.support.hub.calls import COMMIT, WEIGHTS
from tests.support.hub.home import home
from tests.support.hub_asking import put
from tests.support.hub_repos import Repo, blob_name
from weighbridge.compat.huggingface_hub import HfFileMetadata, get_hf_file_metadata, hf_hub_url
from weighbridge.compat.huggingface_hub.errors import (
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
)

__all__ = ["home"]

CONFIG = "config.json"
pytestmark = pytest.mark.usefixtures("home")


def test_small_file_is_described_by_its_own_address(hub: FaultHub, repo: Repo) -> None:
    """Commit, name of the content, place and size, by one HEAD."""
    url = hf_hub_url("acme/victim", CONFIG)

    told = get_hf_file_metadata(url)

    assert told == HfFileMetadata(
        commit_hash=COMMIT,
        etag=blob_name(CONFIG, repo.main[CONFIG]),
        location=url,
        size=len(repo.main[CONFIG]),
        xet_file_data=None,
    )
    assert [each.method for each in hub.requests] == ["HEAD"]


def test_large_file_is_described_without_asking_where_it_is(hub: FaultHub, repo: Repo) -> None:
    """The Hub's answer says all; the place is elsewhere, and signed."""
    told = get_hf_file_metadata(hf_hub_url("acme/victim", WEIGHTS))

    assert (told.commit_hash, told.size) == (COMMIT, len(repo.main[WEIGHTS]))
    assert told.etag == blob_name(WEIGHTS, repo.main[WEIGHTS])
    assert told.location.startswith(hub.cdn.origin)
    assert hub.cdn.requests == []


def test_redirect_within_the_hub_is_followed(repo: Repo) -> None:
    """As where small files are sent from a cache."""
    with FaultHub(repo, manner=Manner(small=Way.CACHED)) as hub:
        told = get_hf_file_metadata(hf_hub_url("acme/victim", CONFIG, endpoint=hub.origin))

    assert told.location.partition("?")[0] == hub.origin + cached_path(repo, CONFIG)
    assert (told.etag, told.commit_hash) == (blob_name(CONFIG, repo.main[CONFIG]), COMMIT)


def test_result_can_be_a_key_and_not_be_changed(hub: FaultHub) -> None:
    """As it was."""
    told = get_hf_file_metadata(hf_hub_url("acme/victim", CONFIG))

    assert {told: 1}[get_hf_file_metadata(hf_hub_url("acme/victim", CONFIG))] == 1
    with pytest.raises(AttributeError):
        told.size = 0  # type: ignore[misc]


def test_server_that_is_no_hub_is_described_as_far_as_it_tells(hub: FaultHub) -> None:
    """There is no commit, and the ETag is whatever it is."""
    put(hub, "/plain/file.bin", b"content", ETag='W/"abc"')

    told = get_hf_file_metadata(f"{hub.origin}/plain/file.bin")

    assert (told.commit_hash, told.etag, told.size) == (None, "abc", 7)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"token": "hf_given"}, "Bearer hf_given"),
        ({"token": True}, "Bearer hf_own"),
        ({"token": False}, None),
        ({}, "Bearer hf_own"),
    ],
)
def test_token_is_the_given_one_or_this_users(
    hub: FaultHub, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str | bool], told: str | None
) -> None:
    """As in every other call."""
    monkeypatch.setenv("HF_TOKEN", "hf_own")

    get_hf_file_metadata(hf_hub_url("acme/victim", CONFIG), **arguments)  # type: ignore[arg-type]

    assert hub.requests[0].headers.get("authorization") == told


def test_token_of_this_user_goes_to_the_endpoint_alone(hub: FaultHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL may come from anybody; a token that was given for it goes with it."""
    monkeypatch.setenv("HF_TOKEN", "hf_own")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    url = f"{hub.origin}/acme/victim/resolve/main/{CONFIG}"

    get_hf_file_metadata(url)
    get_hf_file_metadata(url, token="hf_given")

    assert [each.headers.get("authorization") for each in hub.requests] == [None, "Bearer hf_given"]


def test_library_and_headers_are_those_of_the_call(hub: FaultHub) -> None:
    """By position as far as they were taken so, too."""
    url = hf_hub_url("acme/victim", CONFIG)

    get_hf_file_metadata(url, None, 10, "evaluate", "1", {"job": 7}, {"X-Team": "7"}, hub.origin, True)

    (asked,) = hub.requests
    assert asked.headers["x-team"] == "7"
    assert asked.headers["user-agent"].startswith("evaluate/1; ")
    assert asked.headers["user-agent"].endswith("; job/7")


def test_old_keywords_are_accepted(hub: FaultHub) -> None:
    """With a warning each, at the caller's line."""
    url = hf_hub_url("acme/victim", CONFIG)

    with pytest.warns(FutureWarning) as caught:
        get_hf_file_metadata(url, use_auth_token="hf_x", proxies={})

    assert sorted(str(each.message).split("'")[1] for each in caught) == ["proxies", "use_auth_token"]
    assert {each.filename for each in caught} == {__file__}


def test_file_that_is_not_there_is_told(hub: FaultHub) -> None:
    """With what the Hub answered."""
    with pytest.raises(RemoteEntryNotFoundError) as caught:
        get_hf_file_metadata(hf_hub_url("acme/victim", "nope.json"))

    assert (caught.value.status, caught.value.commit) == (404, COMMIT)


def test_passing_trouble_is_tried_again(hub: FaultHub) -> None:
    """Whatever ``retry_on_errors`` says."""
    hub.on(fault=Status(503), nth=1)

    told = get_hf_file_metadata(hf_hub_url("acme/victim", CONFIG), retry_on_errors=False)

    assert told.commit_hash == COMMIT


def test_silence_is_waited_out_no_longer_than_it_is_told(hub: FaultHub) -> None:
    """Then the next try is made."""
    hub.on(fault=StallBeforeHeaders(), nth=1)

    told = get_hf_file_metadata(hf_hub_url("acme/victim", CONFIG), timeout=0.05)

    assert told.commit_hash == COMMIT


def test_offline_nobody_is_asked(hub: FaultHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is a ``ConnectionError``, as ever."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(ConnectionError) as caught:
        get_hf_file_metadata(hf_hub_url("acme/victim", CONFIG))

    assert isinstance(caught.value, OfflineModeIsEnabled)
    assert hub.requests == []


@pytest.mark.parametrize("url", ["", "config.json", "file:///etc/passwd", "http://", "http://h/\r\nx"])
def test_what_is_no_url_is_an_error_of_value(hub: FaultHub, url: str) -> None:
    """And is sent to nobody."""
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all there is to say
        get_hf_file_metadata(url)


def test_file_by_commit_is_described_too(hub: FaultHub, repo: Repo) -> None:
    """The address that a snapshot asks for."""
    told = get_hf_file_metadata(hub.url(file_path(repo, CONFIG)))

    assert told.commit_hash == COMMIT
