"""What an answer's header means: honest ones are believed, lies are refused before the first byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.errors import ArtifactChangedError, BadAnswerError, BadStatusError, TransferError
from weighbridge.core.ranges import ByteRange
from weighbridge.core.recovery import Validator
from weighbridge.transfer.answers import Answer, Question, read_answer

URL = "https://cdn.example/model.bin?sig=s3cret"
FIRST = Question(span=ByteRange(0, 100), size=None)
LATER = Question(span=ByteRange(100, 200), size=1000)
WHOLE = Question(span=None, size=1000)

Headers = dict[str, str]


def part(start: int, stop: int, size: int | str, **more: str) -> Headers:
    """Return the header of a partial answer."""
    headers = {"Content-Range": f"bytes {start}-{stop - 1}/{size}", "Content-Length": str(stop - start)}
    return headers | {name.replace("_", "-"): value for name, value in more.items()}


@pytest.mark.parametrize(
    ("question", "headers", "expected"),
    [
        (FIRST, part(0, 100, 1000), (0, 100, 1000)),
        (FIRST, part(0, 30, 30), (0, 30, 30)),  # the file is shorter than the first piece
        (FIRST, part(0, 50, 1000), (0, 50, 1000)),  # less than asked for, as RFC 9110, 15.3.7 allows
        (LATER, part(100, 200, 1000), (100, 200, 1000)),
        (LATER, part(100, 101, 1000), (100, 101, 1000)),
        (LATER, part(100, 200, "*"), (100, 200, 1000)),  # the total is known from before
        (LATER, {"Content-Range": "bytes 100-199/1000"}, (100, 200, 1000)),  # chunked
        (LATER, part(100, 200, 1000, Content_Encoding="identity"), (100, 200, 1000)),
        (LATER, part(100, 200, 1001), (100, 200, 1001)),  # a total that moved: the job decides
    ],
)
def test_honest_part_is_believed(question: Question, headers: Headers, expected: tuple[int, int, int]) -> None:
    """A range that is the one asked for, or its beginning."""
    answer = read_answer(question, 206, headers, URL)

    assert (answer.start, answer.stop, answer.size) == expected
    assert (answer.is_whole, answer.is_encoded) == (False, False)


@pytest.mark.parametrize(
    ("question", "headers"),
    [
        (LATER, part(0, 100, 1000)),  # the wrong range, of the right length (failure 4)
        (LATER, part(99, 199, 1000)),
        (LATER, part(101, 200, 1000)),
        (LATER, part(150, 200, 1000)),
        (LATER, part(100, 201, 1000)),  # longer than asked for (failure 5)
        (LATER, part(100, 1000, 1000)),
        (LATER, {}),  # does not say which (failure 6)
        (LATER, {"Content-Length": "100"}),
        (LATER, {"Content-Type": "multipart/byteranges; boundary=x", "Content-Length": "180"}),
        (LATER, {"Content-Range": "bytes */1000"}),
        (LATER, {"Content-Range": "bytes 100-199"}),
        (LATER, part(100, 200, 150)),  # contradicts itself
        (LATER, part(100, 200, 1000) | {"Content-Length": "101"}),
        (LATER, part(100, 200, 1000) | {"Content-Length": "0"}),
        (LATER, part(100, 200, 1000, Content_Encoding="gzip")),  # offsets of something else (failure 9)
        (LATER, part(100, 200, 1000, Content_Encoding="br")),
        (FIRST, part(0, 100, "*")),  # nobody knows how much there is
        (WHOLE, part(0, 1000, 1000)),  # a part was not asked for
    ],
)
def test_part_that_lies_is_refused(question: Question, headers: Headers) -> None:
    """Not a byte is written where it doesn't belong."""
    with pytest.raises(BadAnswerError):
        read_answer(question, 206, headers, URL)


spans = st.builds(lambda start, length: ByteRange(start, start + length), st.integers(0, 50), st.integers(1, 50))
numbers = st.integers(-1, 110).map(str)
ranges = st.one_of(
    st.builds("bytes {}-{}/{}".format, numbers, numbers, st.one_of(numbers, st.just("*"))),
    st.builds("bytes */{}".format, numbers),
    st.text(max_size=20),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Content-Range": ranges,
        "Content-Length": st.one_of(numbers, st.text(max_size=5)),
        "Content-Encoding": st.sampled_from(["", "identity", "gzip", "br"]),
        "Transfer-Encoding": st.sampled_from(["chunked", "identity"]),
        "ETag": st.sampled_from(['"a"', 'W/"a"', "a"]),
    },
)


def read(question: Question, status: int, given: Headers) -> Answer | None:
    """Return the answer, or None if it is refused in our own words; anything else comes out."""
    try:
        return read_answer(question, status, given, URL)
    except TransferError as error:
        assert "s3cret" not in str(error)  # noqa: PT017 - of every refusal
        return None


@given(span=st.one_of(st.none(), spans), size=st.one_of(st.none(), st.integers(0, 110)), given=headers)
def test_no_part_outside_of_the_asked_one_is_believed(span: ByteRange | None, size: int | None, given: Headers) -> None:
    """Whatever a 206 says, what is believed of it starts where it was asked to and ends no later."""
    answer = read(Question(span=span, size=size), 206, given)

    asked = span or ByteRange(0, 1)
    believed = answer or Answer(start=asked.start, stop=asked.stop, size=200, validator=Validator(), is_whole=False)
    assert believed.start == asked.start
    assert believed.stop is not None
    assert asked.start < believed.stop <= asked.stop
    assert believed.size is not None
    assert not believed.is_whole


@given(
    span=st.one_of(st.none(), spans),
    size=st.one_of(st.none(), st.integers(0, 110)),
    status=st.integers(100, 599),
    given=headers,
)
def test_every_answer_is_read_or_refused(span: ByteRange | None, size: int | None, status: int, given: Headers) -> None:
    """A server's nonsense is one of our errors, and no error shows the signature of the URL."""
    answer = read(Question(span=span, size=size), status, given)

    assert answer is None or status in {200, 206, 416}


@pytest.mark.parametrize("question", [FIRST, LATER, WHOLE])
@pytest.mark.parametrize(("length", "size"), [("1000", 1000), ("0", 0), (None, None), ("many", None), ("-5", None)])
def test_whole_file_is_read_for_any_question(question: Question, length: str | None, size: int | None) -> None:
    """A server may ignore a range (failure 3); the body is then the file from byte 0, as far as its length tells."""
    answer = read_answer(question, 200, {} if length is None else {"Content-Length": length}, URL)

    assert (answer.start, answer.stop, answer.size, answer.is_whole) == (0, size, size, True)


def test_length_of_a_compressed_body_is_not_the_files() -> None:
    """What was compressed on the way is undone, and its length says nothing."""
    answer = read_answer(WHOLE, 200, {"Content-Length": "70", "Content-Encoding": "gzip"}, URL)

    assert (answer.stop, answer.size, answer.is_encoded) == (None, None, True)


@pytest.mark.parametrize("path", ["/a.tar.gz", "/a.tgz", "/a.gz"])
def test_compressed_file_is_not_unpacked(path: str) -> None:
    """Servers that call a ``.gz`` file "gzip-encoded" mean the file itself."""
    headers = {"Content-Length": "70", "Content-Encoding": "gzip"}

    answer = read_answer(Question(span=None, size=None), 200, headers, f"https://e.example{path}?x=1")

    assert (answer.stop, answer.size, answer.is_encoded) == (70, 70, False)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "rot13"])
def test_encoding_that_can_not_be_undone_is_refused(encoding: str) -> None:
    """Rather than written as if it were the file."""
    with pytest.raises(BadAnswerError):
        read_answer(WHOLE, 200, {"Content-Encoding": encoding}, URL)


@pytest.mark.parametrize(
    ("kind", "is_page"), [("text/html", True), ("Text/HTML; charset=x", True), ("text/plain", False), ("", False)]
)
def test_web_page_is_told_apart(kind: str, is_page: bool) -> None:
    """A captive portal answers 200 to everything."""
    assert read_answer(WHOLE, 200, {"Content-Type": kind}, URL).is_page is is_page


def test_validators_are_read_from_every_good_answer() -> None:
    """They tell whether the next range is of the same file."""
    headers = {"ETag": '"a"', "Last-Modified": "Tue, 01 Sep 2026 10:00:00 GMT"}
    expected = Validator('"a"', "Tue, 01 Sep 2026 10:00:00 GMT")

    assert read_answer(WHOLE, 200, headers, URL).validator == expected
    assert read_answer(LATER, 206, part(100, 200, 1000) | headers, URL).validator == expected


@pytest.mark.parametrize("size", [None, 0])
def test_empty_file_is_a_range_that_can_not_be_satisfied(size: int | None) -> None:
    """``*/0`` is how a server says that the file has no bytes."""
    answer = read_answer(Question(span=ByteRange(0, 8), size=size), 416, {"Content-Range": "bytes */0"}, URL)

    assert (answer.start, answer.stop, answer.size, answer.is_whole) == (0, 0, 0, True)


@pytest.mark.parametrize(
    ("question", "value", "kind"),
    [
        (LATER, "bytes */150", ArtifactChangedError),  # the file shrank (failure 7)
        (LATER, "bytes */0", ArtifactChangedError),
        (LATER, "bytes */1000", BadAnswerError),
        (LATER, None, BadAnswerError),
        (LATER, "bytes */*", BadAnswerError),
        (FIRST, "bytes */1000", BadAnswerError),
        (FIRST, None, BadAnswerError),
        (WHOLE, "bytes */0", BadStatusError),  # no range was asked for
    ],
)
def test_other_refusal_of_a_range_says_what_it_means(
    question: Question, value: str | None, kind: type[Exception]
) -> None:
    """A file that changed, a server that can't do ranges and one that is broken are different things."""
    with pytest.raises(TransferError) as caught:
        read_answer(question, 416, {} if value is None else {"Content-Range": value}, URL)

    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [100, 201, 204, 301, 304, 400, 401, 403, 404, 410, 429, 500, 503])
def test_other_status_brings_no_bytes(status: int) -> None:
    """Only three statuses have a body that is the file."""
    with pytest.raises(BadStatusError) as caught:
        read_answer(LATER, status, {"Content-Length": "1000"}, URL)

    assert (caught.value.status, caught.value.url) == (status, "https://cdn.example/model.bin?…")
    assert "s3cret" not in f"{caught.value} {vars(caught.value)}"


def test_refusal_knows_how_long_to_wait() -> None:
    """The error that comes out tells its caller when to come back."""
    with pytest.raises(BadStatusError, match="120 s") as caught:
        read_answer(LATER, 429, {"Retry-After": "120"}, URL)

    assert caught.value.retry_after_s == 120.0
