"""What the variables of huggingface_hub come to (protocol sections 2.10 and 2.11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.config import (
    find_token,
    hub_assets_root,
    hub_cache_root,
    hub_settings,
    implicit_token,
    options_from_environment,
)
from weighbridge.core.errors import InvalidParameterError

HOME = {"HOME": "/home/ada"}
ELSEWHERE, HERE, SAFE = "http://mirror.lan:8000", "http://127.0.0.1:8000", "https://hub.example"


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HF_HUB_CACHE": "/a", "HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c"}, "/b"),
        ({"HF_HOME": "/c", "XDG_CACHE_HOME": "/d"}, "/c/hub"),
        ({"XDG_CACHE_HOME": "/d"}, "/d/huggingface/hub"),
        ({"HF_HUB_CACHE": "", "HF_HOME": "", "XDG_CACHE_HOME": "/d"}, "/d/huggingface/hub"),
    ],
)
def test_cache_is_where_other_clients_have_it(environment: dict[str, str], place: str) -> None:
    """Each of us would download what the other has."""
    assert hub_cache_root(environment) == Path(place)


def test_variables_in_paths_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named $SCRATCH would appear in the working directory."""
    monkeypatch.setenv("SCRATCH", "/scratch")

    assert hub_cache_root({"HF_HOME": "$SCRATCH/hf"}) == Path("/scratch/hf/hub")
    assert hub_assets_root({"HF_HOME": "$SCRATCH/hf"}) == Path("/scratch/hf/assets")


def test_token_of_a_variable_wins_over_that_of_a_login(tmp_path: Path) -> None:
    """A job's token would be replaced by whoever logged in on that machine."""
    (tmp_path / "token").write_text("hf_login\n", encoding="utf-8")
    environment = {"HF_HOME": str(tmp_path)}

    assert find_token(environment) == "hf_login"
    assert find_token(environment | {"HUGGING_FACE_HUB_TOKEN": " hf_old\r\n"}) == "hf_old"
    assert find_token(environment | {"HUGGING_FACE_HUB_TOKEN": "hf_old", "HF_TOKEN": "hf_new"}) == "hf_new"
    assert find_token(environment | {"HF_TOKEN": " \n"}) == "hf_login"


def test_file_of_the_token_may_be_elsewhere_or_not_be_there(tmp_path: Path) -> None:
    """A missing login would be an error, or somebody else's would be taken."""
    (tmp_path / "mine").write_text("hf_mine", encoding="utf-8")

    assert find_token({"HF_TOKEN_PATH": str(tmp_path / "mine"), "HF_HOME": "/nowhere"}) == "hf_mine"
    assert find_token({"HF_TOKEN_PATH": str(tmp_path / "absent")}) is None


@pytest.mark.parametrize(
    ("endpoint", "sent"), [(ELSEWHERE, None), (HERE, "hf_x"), (SAFE, "hf_x"), ("nonsense", "hf_x")]
)
def test_token_that_nobody_named_stays_off_plain_http(endpoint: str, sent: str | None) -> None:
    """A mirror in the local network would be refused for a token it never needed, or everybody there could read it."""
    assert implicit_token(endpoint, "hf_x") == sent
    assert options_from_environment(HOME | {"HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_x"}).hub.token == sent


def test_token_is_not_sent_unasked_if_that_is_switched_off() -> None:
    """A public download would tell who makes it."""
    environment = HOME | {"HF_TOKEN": "hf_x", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}

    assert options_from_environment(environment).hub.token is None
    assert (hub_settings(environment).token, hub_settings(environment).implicit) == ("hf_x", None)


@pytest.mark.parametrize(
    ("environment", "is_offline"),
    [
        ({}, False),
        ({"HF_HUB_OFFLINE": "1"}, True),
        ({"HF_HUB_OFFLINE": "yes"}, True),
        ({"HF_HUB_OFFLINE": "anything"}, False),
        ({"TRANSFORMERS_OFFLINE": "ON"}, True),
        ({"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, False),
    ],
)
def test_offline_is_read_as_other_clients_read_it(environment: dict[str, str], is_offline: bool) -> None:
    """A machine without a network would wait for one, or one that has it would not use it."""
    options = options_from_environment(HOME | environment)

    assert (options.hub.offline, options.offline) == (is_offline, False)


def test_endpoint_timeouts_and_links_are_read() -> None:
    """A documented variable would be taken and mean nothing."""
    options = options_from_environment(
        HOME
        | {
            "HF_ENDPOINT": "https://mirror.example/hub//",
            "HF_HUB_ETAG_TIMEOUT": "3",
            "HF_HUB_DOWNLOAD_TIMEOUT": "7",
            "HF_HUB_DISABLE_SYMLINKS": "true",
            "HF_HUB_USER_AGENT_ORIGIN": "spaces",
        }
    )

    assert options.hub.endpoint == "https://mirror.example/hub"
    assert (options.hub.etag_timeout_s, options.http.read_timeout_s) == (3, 7)
    assert not options.cache.symlinks
    assert options.hub.user_agent.endswith("; origin/spaces")


@pytest.mark.parametrize(("text", "wins"), [("", None), ("10", None), ("3", 3.0)])
def test_timeout_of_the_environment_wins_unless_it_is_the_usual_one(text: str, wins: float | None) -> None:
    """An argument that never counted before would count now."""
    assert hub_settings(HOME | {"HF_HUB_ETAG_TIMEOUT": text}).etag_timeout_s == wins


@pytest.mark.parametrize(("text", "limit"), [("", None), ("500G", 500_000_000_000), ("1.5Gi", 1_610_612_736)])
def test_limit_of_the_cache_is_a_size(text: str, limit: int | None) -> None:
    """A machine of a cluster keeps to it whatever is kept with the cache."""
    assert options_from_environment({**HOME, "WEIGHBRIDGE_CACHE_LIMIT": text}).cache.limit == limit


def test_limit_that_is_no_size_is_refused() -> None:
    """Whoever sets one wants it kept."""
    with pytest.raises(InvalidParameterError, match="WEIGHBRIDGE_CACHE_LIMIT"):
        options_from_environment({**HOME, "WEIGHBRIDGE_CACHE_LIMIT": "much"})
