"""URLs: what may be shown of them, whose secrets they are bound to, and where a redirect leads."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidURLError
from weighbridge.core.urls import Origin, follow, is_loopback, origin_of, parse_url, redact

SECRET = "s3cr3t"

hosts = st.sampled_from(["example.com", "127.0.0.1", "[::1]", "localhost:8080", "a-b.c_d.example:443", "[fe80::1]:80"])
paths = st.lists(st.text("abc%20/", max_size=6), max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(scheme=st.sampled_from(["http", "https", "HTTPS", "ftp"]), host=hosts, path=paths, junk=st.text(max_size=8))
def test_redacted_url_shows_no_user_no_query_and_no_fragment(scheme: str, host: str, path: str, junk: str) -> None:
    """A signature or password never reaches a log, an error or the journal."""
    hidden = quote(junk, safe="") + SECRET
    url = f"{scheme}://{hidden}:{hidden}@{host}{path}?token={hidden}&x=1#{hidden}"

    shown = redact(url)

    assert SECRET not in shown
    assert "@" not in shown
    assert shown.endswith("?…")
    assert urlsplit(shown).path == path


@given(anything=st.one_of(st.text(), st.text().map(lambda text: f"http://{text}"), st.binary(), st.none()))
def test_redacting_never_fails(anything: object) -> None:
    """An error about a bad URL is that error, not another one."""
    shown = redact(anything)

    assert isinstance(shown, str)


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}/pw@example.com/x",
        f"http://user:{SECRET}?pw@example.com/x",
        f"http://user:{SECRET}#pw@example.com/x",
        f"user:{SECRET}@example.com/x",
        f"//user:{SECRET}@example.com/x",
        f"mailto:{SECRET}@example.com",
        f"http://[{SECRET}",
        f"/path?token={SECRET}",
        SECRET,
    ],
)
def test_malformed_url_is_not_shown_at_all(url: str) -> None:
    """Where it is not clear what is the secret, everything is."""
    assert redact(url) == "(not a URL)"


def test_redacted_url_can_not_steer_a_terminal() -> None:
    """A server's redirect target is printed; its escape sequences are not."""
    assert redact("http://example.com/\x1b]0;owned\x07\x9b31m") == "http://example.com/?]0;owned??31m"


@given(scheme=st.sampled_from(["http", "https"]), host=hosts, path=paths, query=st.text("ab=&", max_size=5))
def test_accepted_url_keeps_path_and_query(scheme: str, host: str, path: str, query: str) -> None:
    """A signed URL works only if it is sent as it was given."""
    url = f"{scheme}://{host}{path}" + (f"?{query}" if query else "")

    bare, origin, userinfo = parse_url(f"{url}#fragment")

    assert bare == url
    assert userinfo is None
    assert origin == origin_of(url) == origin_of(bare)


@given(user=st.text(min_size=1, max_size=8), password=st.text(max_size=8))
def test_credentials_are_taken_out_of_the_url(user: str, password: str) -> None:
    """The address that travels through journals and errors has none, the header has them unescaped."""
    url = f"https://{quote(user, safe='')}:{quote(password, safe='')}@example.com/x"

    bare, origin, userinfo = parse_url(url)

    assert bare == "https://example.com/x"
    assert str(origin) == "https://example.com"
    assert userinfo == f"{user}:{password}"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Example.COM/x", Origin("http", "example.com", 80)),
        ("https://example.com", Origin("https", "example.com", 443)),
        ("HTTPS://example.com:443/", Origin("https", "example.com", 443)),
        ("https://example.com:/", Origin("https", "example.com", 443)),
        ("https://example.com:8443/", Origin("https", "example.com", 8443)),
        ("http://[::1]:8080/", Origin("http", "::1", 8080)),
        ("http://[FE80::1]/", Origin("http", "fe80::1", 80)),
        ("http://user:pw@example.com/", Origin("http", "example.com", 80)),
        ("  http://example.com/ ", Origin("http", "example.com", 80)),
    ],
)
def test_origin_is_scheme_host_and_port(url: str, origin: Origin) -> None:
    """A token goes to the origin it was given for, so equal origins must be equal values (RFC 6454)."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.com/", "https://example.com/"),
        ("https://example.com/", "https://example.com:8443/"),
        ("https://example.com/", "https://www.example.com/"),
        ("https://example.com/", "https://example.com.evil.example/"),
        ("https://example.com/", "https://example.com@evil.example/"),
        ("https://example.com/", "https://evil.example/example.com"),
    ],
)
def test_origins_that_differ_in_any_part_are_different(one: str, other: str) -> None:
    """Almost the same origin is somebody else."""
    assert origin_of(one) != origin_of(other)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://[::1]:8080", Origin("http", "::1", 8080)),
        ("https://example.com", Origin("https", "example.com", 443)),
        ("http://example.com:443", Origin("http", "example.com", 443)),
    ],
)
def test_origin_is_shown_as_it_is_written(text: str, origin: Origin) -> None:
    """Errors name the server in a form that can be pasted."""
    assert str(origin) == text
    assert origin_of(str(origin)) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/x",
        "/x",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://user@/x",
        "http://example.com:port/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com:-1/",
        "http://[::1/",
        "http://[v1.x]/",
        "http://exam ple.com/",
        "http://evil.example\\@example.com/",
        "http://evil.example\\.example.com/",
        "http://ex%61mple.com/",
        "http://-example.com/",
        "http://bücher.example/",
        "http://example.com/a\nb",
        "http://example.com/a\0b",
        "http://example.com/\ud800",
        "http://exa℀mple.com/",
    ],
)
def test_url_that_clients_read_differently_is_refused(url: str) -> None:
    """Where two parsers disagree on the host, secrets go to the wrong one."""
    with pytest.raises(InvalidURLError):
        parse_url(url)


@pytest.mark.parametrize("url", [None, 5, b"http://example.com/", ["http://example.com/"]])
def test_url_that_is_not_text_is_refused(url: object) -> None:
    """A wrong type is an error that says so."""
    with pytest.raises(InvalidURLError):
        parse_url(url)


def test_refusal_does_not_show_the_secret() -> None:
    """A wrong port is no reason to print the signature."""
    with pytest.raises(InvalidURLError) as caught:
        parse_url(f"https://user:{SECRET}@example.com:port/x?sig={SECRET}")

    assert SECRET not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/other", "https://hub.example/other"),
        ("other", "https://hub.example/a/other"),
        ("?q=1", "https://hub.example/a/b?q=1"),
        ("../other", "https://hub.example/other"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("https://cdn.example/x?sig=1#part", "https://cdn.example/x?sig=1"),
        ("http://cdn.example/x", "http://cdn.example/x"),
        ("https://user:pw@cdn.example/x", "https://cdn.example/x"),
        ("/with space", "https://hub.example/with%20space"),
        (" /padded ", "https://hub.example/padded"),
        ("", "https://hub.example/a/b"),
    ],
)
def test_redirect_is_followed_as_the_rfc_says(location: str, target: str) -> None:
    """Relative, cross-host, with spaces; and credentials in a redirect are nobody's."""
    assert follow("https://hub.example/a/b", location) == target


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/y", "javascript:alert(1)", "http://", "http://[/"])
def test_redirect_to_something_else_than_http_is_refused(location: str) -> None:
    """A server can't make us read a local file."""
    with pytest.raises(InvalidURLError):
        follow("https://hub.example/a", location)


@given(location=st.text(max_size=30))
def test_redirect_leads_to_http_or_nowhere(location: str) -> None:
    """Whatever a server sends as ``Location``, the outcome is an http(s) URL or our error."""
    try:
        target = follow("https://hub.example/a", location)
    except InvalidURLError:
        assume(False)

    assert parse_url(target)[0] == target
    assert target.startswith(("http://", "https://"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "foo.localhost"])
def test_this_machine_is_loopback(host: str) -> None:
    """Tests and local mirrors may see secrets over plain http."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["example.com", "10.0.0.1", "0.0.0.0", "localhost.example.com", "127.0.0.1.example", "::2"]
)
def test_other_machine_is_not_loopback(host: str) -> None:
    """Nobody gets a secret over plain http by a clever name."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://example.com/", True),
        ("http://example.com/", False),
        ("http://localhost:8080/", True),
        ("http://[::1]/", True),
        ("http://192.168.1.1/", False),
    ],
)
def test_secrets_travel_over_https_or_stay_on_this_machine(url: str, may: bool) -> None:
    """P4: not over plain http, except loopback."""
    assert origin_of(url).may_see_secrets is may
