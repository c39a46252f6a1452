"""Who may read: the token, however it is shown, and the file that it is read from."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidParameterError
from weighbridge.mirror.access import Gate, read_token
from weighbridge.mirror.refusals import Refusal

TOKEN = "hf_Secret-1.2~3"


def basic(text: str | bytes) -> str:
    return f"Basic {b64encode(text if isinstance(text, bytes) else text.encode()).decode()}"


@pytest.mark.parametrize(
    "shown",
    [
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        f"BEARER   {TOKEN}  ",
        basic(f"user:{TOKEN}"),
        basic(f":{TOKEN}"),
        basic(f"é:{TOKEN}").replace("Basic", "bASIC"),
    ],
)
def test_token_opens_however_it_is_shown(shown: str) -> None:
    """Clients send Bearer, browsers and curl -u send Basic (RFC 6750, RFC 7617), in any case (RFC 9110, 11.1)."""
    Gate(TOKEN).check(shown)


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.lower()}",
        f"Bearer {TOKEN} x",
        "Bearer é",
        "Bearer \xff",
        basic(f"{TOKEN}:wrong"),
        basic(f"user:more:{TOKEN}"),
    ],
)
def test_wrong_token_is_told_apart_from_a_missing_one(shown: str) -> None:
    """New clients tell their user to check the token only if the message is the Hub's own."""
    with pytest.raises(Refusal) as caught:
        Gate(TOKEN).check(shown)

    assert (caught.value.status, caught.value.code) == (401, None)
    assert caught.value.message == "Invalid credentials in Authorization header"
    assert caught.value.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        " ",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Token {TOKEN}",
        "Basic",
        "Basic !!!",
        "Basic Og==",  # ":"
        basic(b"\xff:\xff"),
        basic(TOKEN),  # a user without a password
        f"Basic {TOKEN}",
    ],
)
def test_missing_token_looks_like_a_missing_repository(shown: str | None) -> None:
    """Clients of the Hub tell their users then to log in."""
    with pytest.raises(Refusal) as caught:
        Gate(TOKEN).check(shown)

    assert (caught.value.status, caught.value.code) == (401, "RepoNotFound")


@given(st.one_of(st.none(), st.text(st.characters(max_codepoint=255)), st.text().map(basic)))
def test_nothing_else_opens(shown: str | None) -> None:
    """A header that nobody has thought of would be an internal error, or let somebody in."""
    with pytest.raises(Refusal):
        Gate(TOKEN).check(shown)


def test_open_gate_asks_for_nothing() -> None:
    """Clients that are logged in to the Hub send a token to everybody."""
    Gate().check(None)
    Gate().check("Bearer anything")


def test_token_is_not_shown_in_messages() -> None:
    """A traceback would give it away."""
    assert TOKEN not in repr(Gate(TOKEN))


@pytest.mark.parametrize("content", [TOKEN, f"{TOKEN}\n", f"\r\n  {TOKEN}\t\r\n"])
def test_white_space_around_a_token_does_not_count(tmp_path: Path, content: str) -> None:
    """Editors end files with a line end."""
    (tmp_path / "token").write_bytes(content.encode())

    assert read_token(tmp_path / "token") == TOKEN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"two tokens",
        b"two\ntokens",
        b"\xc3\xa9",
        b"\xff",
        b"a\0b",
        b"a\x1bb",
        b"x" * 4097,
        b"x" + b" " * 4096,
    ],
)
def test_file_without_one_token_is_refused(tmp_path: Path, content: bytes) -> None:
    """A mirror would be open to whoever sends nothing, or closed to everybody."""
    (tmp_path / "token").write_bytes(content)

    with pytest.raises(InvalidParameterError, match="must hold one token"):
        read_token(tmp_path / "token")


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A mistyped name would open the mirror."""
    with pytest.raises(InvalidParameterError, match=r"can't read the token file .*No such file"):
        read_token(tmp_path / "absent")
    with pytest.raises(InvalidParameterError, match=r"can't read the token file .*Is a directory"):
        read_token(tmp_path)


def test_endless_file_is_refused() -> None:
    """All memory would be filled with it."""
    with pytest.raises(InvalidParameterError, match="must hold one token"):
        read_token(Path(os.devnull).with_name("zero"))
