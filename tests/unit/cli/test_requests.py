"""What was typed becomes requests: each file with its own name, digest, mirrors and headers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from weighbridge.cli.headers import parse_header, read_headers
from weighbridge.cli.manifests import parse_manifest
from weighbridge.cli.requests import Wish, read_requests
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidNameError, InvalidParameterError, ManifestError, UntrustedFileError

SHA = "a" * 64
MD5 = "b" * 32
LIST = parse_manifest(f"{SHA}  a.bin\n{SHA}  sub/b c+d.bin\n".encode())


def wish(*urls: str, **rest: object) -> Wish:
    return replace(Wish(urls=urls, allow_unverified=True), **rest)  # type: ignore[arg-type]  # checked by each test


def urls_of(request: FileRequest) -> list[str]:
    return [each.url for each in request.artifact.sources]


class TestNames:
    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("https://h/dir/model.bin?sig=x#y", "model.bin"),
            ("https://h/my%20model%2Bv2.bin", "my model+v2.bin"),
            ("https://h/%E6%A8%A1.bin", "模.bin"),
        ],
    )
    def test_last_part_of_the_path_is_the_name(self, url: str, name: str) -> None:
        """Files would be called by their escaped names or their signatures."""
        (request,) = read_requests(wish(url), None)

        assert request.name.text == name

    @pytest.mark.parametrize(
        "url", ["https://h/", "https://h", "https://h/dir/", "https://h/..%2F..%2Fx", "https://h/%FF"]
    )
    def test_url_without_a_usable_name_is_refused_with_advice(self, url: str) -> None:
        """A file would get a name nobody asked for, or one outside the directory."""
        with pytest.raises(InvalidNameError, match="--name"):
            read_requests(wish(url), None)

    def test_given_name_replaces_that_of_the_url(self) -> None:
        """A URL that ends in ``download`` could not be used."""
        (request,) = read_requests(wish("https://h/", name="sub/model.bin"), None)

        assert request.name.text == "sub/model.bin"

    def test_one_name_for_several_urls_is_refused(self) -> None:
        """One file would replace the other."""
        with pytest.raises(InvalidParameterError, match="--name"):
            read_requests(wish("https://h/a", "https://h/b", name="c"), None)


class TestDigests:
    def test_digests_go_to_the_urls_in_their_order(self) -> None:
        """A digest would be checked against another file."""
        requests = read_requests(wish("https://h/a", "https://h/b", "https://h/c", digests=(SHA, "-", MD5)), None)

        assert [each.artifact.digest for each in requests] == [Digest("sha256", SHA), None, Digest("md5", MD5)]

    @pytest.mark.parametrize("digests", [(SHA,), (SHA, SHA, SHA)])
    def test_other_number_of_digests_than_urls_is_refused(self, digests: tuple[str, ...]) -> None:
        """A file would go unchecked, or be checked against its neighbour's digest."""
        with pytest.raises(InvalidParameterError, match="--digest"):
            read_requests(wish("https://h/a", "https://h/b", digests=digests), None)

    def test_file_without_digest_is_refused_and_the_message_says_how_to_go_on(self) -> None:
        """Unverified files would be taken in silence, or a user would not know what to do."""
        with pytest.raises(UntrustedFileError, match=r"(?s)for b, so .*--digest.*--allow-unverified"):
            read_requests(wish("https://h/a", "https://h/b", digests=(SHA, "-"), allow_unverified=False), None)


class TestManifests:
    def test_names_are_joined_to_the_base(self) -> None:
        """Escapes, directories and a signature of the base would go wrong."""
        requests = read_requests(wish("https://h/v3?sig=x"), LIST)

        assert [urls_of(each) for each in requests] == [
            ["https://h/v3/a.bin?sig=x"],
            ["https://h/v3/sub/b%20c%2Bd.bin?sig=x"],
        ]

    def test_names_without_a_base_are_refused_with_advice(self) -> None:
        """Names would be asked for as if they were hosts."""
        with pytest.raises(InvalidParameterError, match=r"line 1 .*https://…/ --manifest"):
            read_requests(wish(), LIST)

    @pytest.mark.parametrize(
        "given",
        [
            wish("https://h/", digests=(SHA,)),
            wish("https://h/", name="x"),
            wish("https://h/", "https://i/"),
        ],
    )
    def test_options_for_urls_do_not_go_with_a_manifest(self, given: Wish) -> None:
        """An option would be ignored in silence."""
        with pytest.raises(InvalidParameterError):
            read_requests(given, LIST)

    def test_base_for_a_manifest_of_urls_is_refused(self) -> None:
        """Somebody would believe that the base is used."""
        with pytest.raises(InvalidParameterError, match="URLs of its own"):
            read_requests(wish("https://h/"), parse_manifest(b"https://i/a.bin"))

    def test_further_urls_of_a_line_are_mirrors(self) -> None:
        """The second source of an aria2 line would be lost."""
        (request,) = read_requests(wish(), parse_manifest(b"https://h/a.bin https://m/z.bin\n out=b.bin"))

        assert (request.name.text, urls_of(request)) == ("b.bin", ["https://h/a.bin", "https://m/z.bin"])


class TestMirrors:
    def test_directory_gets_the_path_below_the_base(self) -> None:
        """A mirror of a tree would be asked for flat names."""
        requests = read_requests(wish("https://h/v3/", mirrors=("https://m/x/",)), LIST)

        assert urls_of(requests[1])[1] == "https://m/x/sub/b%20c%2Bd.bin"

    def test_directory_gets_the_last_part_of_a_url(self) -> None:
        """Escapes in a name would be doubled or undone."""
        requests = read_requests(wish("https://h/a%20b.bin?x=y", "https://h/c.bin", mirrors=("https://m/",)), None)

        assert [urls_of(each)[1] for each in requests] == ["https://m/a%20b.bin", "https://m/c.bin"]

    def test_url_of_another_file_is_a_mirror_of_the_only_one(self) -> None:
        """The same bytes under another name could not be used."""
        (request,) = read_requests(wish("https://h/a.bin", mirrors=("https://m/z?id=1",)), None)

        assert urls_of(request)[1] == "https://m/z?id=1"

    def test_url_of_one_file_is_no_mirror_of_several(self) -> None:
        """Every file would be asked for at one address."""
        with pytest.raises(InvalidParameterError, match=r"https://m/z\?….*ends in '/'"):
            read_requests(wish("https://h/a", "https://h/b", mirrors=("https://m/z?sig=x",)), None)


class TestHeaders:
    def test_headers_go_to_the_primary_alone(self) -> None:
        """A token would be sent to a mirror."""
        (request,) = read_requests(
            wish("https://h/a.bin", mirrors=("https://m/",), headers=("authorization: Bearer x",)), None
        )

        assert [dict(each.secrets) for each in request.artifact.sources] == [{"Authorization": "Bearer x"}, {}]

    def test_header_of_a_manifest_wins_over_that_of_the_command_line(self) -> None:
        """Two values of one header would be sent."""
        manifest = parse_manifest(b"https://h/a.bin\n header=AUTHORIZATION: of the file")

        (request,) = read_requests(wish(headers=("authorization: of all",)), manifest)

        assert dict(request.artifact.sources[0].secrets) == {"Authorization": "of the file"}

    def test_headers_are_read_from_a_file(self, tmp_path: Path) -> None:
        """A token could only be given where ``ps`` shows it."""
        file = tmp_path / "headers"
        file.write_text("# mine\nAuthorization: Bearer x\n\nX-Team: y\n", encoding="utf-8")

        assert read_headers([f"@{file}"]) == {"Authorization": "Bearer x", "X-Team": "y"}

    def test_missing_file_of_headers_is_told(self, tmp_path: Path) -> None:
        """A mistyped name would send requests without the token."""
        with pytest.raises(InvalidParameterError, match="No such file"):
            read_headers([f"@{tmp_path / 'absent'}"])

    @pytest.mark.parametrize(
        "text", ["S3CRET", "A B: S3CRET", ": S3CRET", "Range: S3CRET", "A: S3CRET\r\nB: c", "A: S3CRÉT"]
    )
    def test_what_is_no_header_is_refused_unseen(self, text: str) -> None:
        """A token with a typo around it would be printed, or a second header smuggled in."""
        with pytest.raises(InvalidParameterError) as caught:
            parse_header(text)

        assert "S3CR" not in str(caught.value)


def test_nothing_asked_for_is_refused() -> None:
    """A script with an empty variable would succeed without a file."""
    with pytest.raises(InvalidParameterError, match="nothing is asked for"):
        read_requests(wish(), None)


def test_manifest_error_is_an_error_of_the_request() -> None:
    """The command would exit with the wrong code."""
    assert issubclass(ManifestError, InvalidParameterError)
