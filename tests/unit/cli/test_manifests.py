"""Manifests as other tools write them become entries, or an error that tells the line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.cli.manifests import Entry, Manifest, parse_manifest
from weighbridge.core.digests import Digest
from weighbridge.core.errors import ManifestError

SHA = "a" * 64
MD5 = "b" * 32
URL = "https://host.example/dir/model.bin"


def only(manifest: Manifest) -> Entry:
    (entry,) = manifest.entries
    return entry


class TestCoreutils:
    @pytest.mark.parametrize("line", [f"{SHA}  model.bin", f"{SHA} *model.bin", f"{SHA} model.bin"])
    def test_name_follows_its_digest(self, line: str) -> None:
        """What sha256sum writes in text, binary and BSD-reversed mode could not be used."""
        entry = only(parse_manifest(line.encode()))

        assert (entry.name, entry.digest) == ("model.bin", Digest("sha256", SHA))

    @pytest.mark.parametrize(
        ("digits", "algorithm"),
        [(32, "md5"), (40, "sha1"), (56, "sha224"), (64, "sha256"), (96, "sha384"), (128, "sha512")],
    )
    def test_length_tells_the_algorithm(self, digits: int, algorithm: str) -> None:
        """The lists of md5sum and its kin would be checked with the wrong algorithm."""
        entry = only(parse_manifest(f"{'A' * digits}  model.bin".encode()))

        assert entry.digest == Digest(algorithm, "a" * digits)

    def test_name_may_hold_spaces_and_directories(self) -> None:
        """Real names would be cut at their first space."""
        entry = only(parse_manifest(f"{SHA}  ./sub dir/my model (1).bin\n".encode()))

        assert entry.name == "sub dir/my model (1).bin"

    def test_name_may_be_a_url(self) -> None:
        """A list that says where each file is would need a base it has no use for."""
        entry = only(parse_manifest(f"{SHA}  {URL}".encode()))

        assert (entry.urls, entry.name) == ((URL,), None)

    def test_escaped_name_is_read_as_coreutils_meant_it(self) -> None:
        r"""``a\\b`` would be taken for two components or for another name."""
        with pytest.raises(ManifestError, match=r"'a\\\\b' holds a backslash"):
            parse_manifest(rf"\{SHA}  a\\b".encode())

    def test_unknown_escape_is_refused(self) -> None:
        """A name that coreutils could not have written would be guessed at."""
        with pytest.raises(ManifestError, match=r"line 1 .* escape"):
            parse_manifest(rf"\{SHA}  a\tb".encode())

    @pytest.mark.parametrize("name", ["../model.bin", "/etc/passwd", "a/../../b", "C:\\x", "dir/"])
    def test_name_that_leads_outside_is_refused_with_its_line(self, name: str) -> None:
        """A list from somebody else could write anywhere."""
        with pytest.raises(ManifestError, match="line 2 ") as caught:
            parse_manifest(f"{SHA}  fine.bin\n{SHA}  {name}\n".encode())

        assert caught.value.line == 2

    def test_digest_of_no_known_length_is_refused_with_its_line(self) -> None:
        """A cut line would be taken for a file without a digest."""
        with pytest.raises(ManifestError, match=r"line 1 .*digest"):
            parse_manifest(f"{SHA[:-1]}  model.bin".encode())


class TestBsd:
    @pytest.mark.parametrize(
        ("line", "digest"),
        [
            (f"SHA256 (model.bin) = {SHA}", Digest("sha256", SHA)),
            (f"MD5 (model.bin) = {MD5}", Digest("md5", MD5)),
            (f"BLAKE3 (model.bin) = {SHA}", Digest("blake3", SHA)),
        ],
    )
    def test_tag_names_the_algorithm(self, line: str, digest: Digest) -> None:
        """What ``sha256sum --tag``, ``md5 -r`` and ``b3sum --tag`` write could not be used."""
        entry = only(parse_manifest(line.encode()))

        assert (entry.name, entry.digest) == ("model.bin", digest)

    def test_name_may_look_like_the_end_of_the_line(self) -> None:
        """A name with a bracket in it would be cut."""
        entry = only(parse_manifest(f"SHA256 (a) = b) = {SHA}".encode()))

        assert entry.name == "a) = b"

    def test_unknown_algorithm_is_refused_with_its_line(self) -> None:
        """A digest nobody can compute would be dropped in silence."""
        with pytest.raises(ManifestError, match=r"line 1 .*not a digest"):
            parse_manifest(f"WHIRLPOOL (model.bin) = {SHA}".encode())


class TestAria2:
    def test_options_belong_to_the_url_above_them(self) -> None:
        """Names and digests would go to the wrong files."""
        text = f"{URL}\n  out=sub/first.bin\n  checksum=sha-256={SHA}\n{URL}2\n\tout=second.bin\n"

        manifest = parse_manifest(text.encode())

        assert [(each.line, each.name, each.digest) for each in manifest.entries] == [
            (1, "sub/first.bin", Digest("sha256", SHA)),
            (4, "second.bin", None),
        ]

    @pytest.mark.parametrize("gap", ["\t", " ", " \t  "])
    def test_urls_on_one_line_are_the_same_file(self, gap: str) -> None:
        """Mirrors would be fetched as files of their own."""
        entry = only(parse_manifest(f"{URL}{gap}https://mirror.example/model.bin".encode()))

        assert entry.urls == (URL, "https://mirror.example/model.bin")

    def test_headers_are_kept_for_their_file(self) -> None:
        """Files behind a login could not be listed."""
        text = f"{URL}\n header=authorization: Bearer t0ken\n header=X-Team: a=b\n"

        entry = only(parse_manifest(text.encode()))

        assert entry.headers == (("Authorization", "Bearer t0ken"), ("X-Team", "a=b"))

    def test_entry_shows_none_of_its_secrets(self) -> None:
        """A debug print would put a token into a log."""
        entry = only(parse_manifest(b"https://h.example/x?sig=S3CRET\n header=A: S3CRET"))

        assert "S3CRET" not in repr(entry)

    def test_directory_option_is_refused_with_advice(self) -> None:
        """Files would appear somewhere else than the command line says."""
        with pytest.raises(ManifestError, match=r"line 2 .*dir=.*--output"):
            parse_manifest(f"{URL}\n  dir=/tmp\n".encode())

    def test_unknown_option_is_ignored_with_a_warning_that_hides_its_value(self) -> None:
        """Lists made for aria2 would not work here, or a password in one would be printed."""
        manifest = parse_manifest(f"{URL}\n  split=5\n  http-passwd=S3CRET\n".encode())

        assert manifest.warnings == (
            "line 2 of the manifest: the option 'split' is ignored",
            "line 3 of the manifest: the option 'http-passwd' is ignored",
        )

    @pytest.mark.parametrize("option", ["out=a\n out=b", f"checksum=md5={MD5}\n checksum=md5={MD5}"])
    def test_option_given_twice_is_refused(self, option: str) -> None:
        """One of two names or digests would win by chance."""
        with pytest.raises(ManifestError, match=r"line 3 .*twice"):
            parse_manifest(f"{URL}\n {option}".encode())

    @pytest.mark.parametrize("line", ["  out=model.bin", f"{URL}\n  S3CRET", f"{URL}\n  https://h/?sig=S3CRET"])
    def test_option_line_that_is_none_is_refused_unseen(self, line: str) -> None:
        """A line that was indented by mistake would be lost, or a secret in it printed."""
        with pytest.raises(ManifestError) as caught:
            parse_manifest(line.encode())

        assert "S3CRET" not in str(caught.value)

    @pytest.mark.parametrize("url", ["ftp://host/x", "magnet:?xt=urn:btih:0", "https://", "https://host:port/x"])
    def test_url_that_can_not_be_asked_is_refused_with_its_line(self, url: str) -> None:
        """A list would fail half-way through instead of before anything is sent."""
        with pytest.raises(ManifestError) as caught:
            parse_manifest(f"# list\n{url}".encode())

        assert caught.value.line == 2


class TestText:
    @pytest.mark.parametrize(
        "content",
        [
            f"{SHA}  a.bin\r\n{MD5}  b.bin\r\n".encode(),
            b"\xef\xbb\xbf" + f"{SHA}  a.bin\n{MD5}  b.bin".encode(),
            f"# made by hand\n\n{SHA}  a.bin\n   \n#\n{MD5}  b.bin\n".encode(),
        ],
    )
    def test_line_ends_marks_comments_and_gaps_do_not_matter(self, content: bytes) -> None:
        """A list that went through an editor on Windows would be unreadable."""
        manifest = parse_manifest(content)

        assert [each.name for each in manifest.entries] == ["a.bin", "b.bin"]

    @pytest.mark.parametrize(
        "lines",
        [
            f"{SHA}  a.bin\n{URL}\n",
            f"{URL}\n{SHA}  a.bin\n",
            f"{SHA}  a.bin\nSHA256 (b.bin) = {SHA}\n",
            f"{SHA}  a.bin\n  out=b.bin\n",
        ],
    )
    def test_mixed_forms_are_refused_with_the_line_that_differs(self, lines: str) -> None:
        """Two lists pasted into one would be read by the rules of the first."""
        with pytest.raises(ManifestError, match="another form") as caught:
            parse_manifest(lines.encode())

        assert caught.value.line == 2

    @pytest.mark.parametrize("line", ["<!doctype html>", "model.bin", f"model.bin  {SHA}", "{}"])
    def test_line_of_no_known_form_is_refused_with_its_number(self, line: str) -> None:
        """An error page saved as a list would ask for nonsense."""
        with pytest.raises(ManifestError, match="line 3 ") as caught:
            parse_manifest(f"\n\n{line}\n".encode())

        assert caught.value.line == 3

    def test_bytes_that_are_no_text_are_refused_with_their_line(self) -> None:
        """A compressed list would end in a traceback."""
        with pytest.raises(ManifestError, match="UTF-8") as caught:
            parse_manifest(f"{SHA}  a.bin\n".encode() + b"\x1f\x8b\xff")

        assert caught.value.line == 2

    @pytest.mark.parametrize("content", [b"", b"\n \n", b"# nothing\n"])
    def test_manifest_without_a_file_is_refused(self, content: bytes) -> None:
        """A truncated list would count as a success that fetched nothing."""
        with pytest.raises(ManifestError, match="no file"):
            parse_manifest(content)

    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    def test_any_content_is_a_manifest_or_a_manifest_error(self, content: bytes) -> None:
        """Some input would end in a traceback."""
        try:
            result: Manifest | ManifestError = parse_manifest(content)
        except ManifestError as error:
            result = error

        assert isinstance(result, Manifest | ManifestError)
