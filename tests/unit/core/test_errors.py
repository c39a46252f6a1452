"""Errors keep their facts across processes, and each has its section in the page of help."""

from __future__ import annotations

import pickle
import re
from importlib import resources
from pathlib import Path

import pytest

import weighbridge
from weighbridge.core import errors
from weighbridge.core.errors import BadStatusError, RetriesExhaustedError, WeighbridgeError

KINDS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, WeighbridgeError)
}
PAGE = (resources.files(weighbridge) / "help" / "errors.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_page_of_help_has_exactly_the_errors_there_are() -> None:
    """``weighbridge explain`` would know nothing of a new error, or tell of one that is gone."""
    assert sorted(SECTIONS) == sorted(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_section_says_what_was_kept_and_what_to_do(name: str) -> None:
    """A page would describe the trouble and leave the reader with it."""
    assert re.search(r"^- Kept: .+^- Do: ", SECTIONS[name], re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_address_of_help_leads_to_the_section(kind: type[WeighbridgeError]) -> None:
    """A link in a log would lead nowhere."""
    address, _, anchor = kind("x").help_url.partition("#")

    assert Path(address.removeprefix("file://")).is_file()
    assert anchor in {name.lower() for name in SECTIONS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_error_crosses_a_process_border_whole(kind: type[WeighbridgeError]) -> None:
    """An error from a worker process would lose its facts, or fail to arrive at all."""
    error = kind("what happened", url="https://h/x", offset=7)

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (kind, "what happened", vars(error))


def test_errors_inside_an_error_cross_too() -> None:
    """The history of a failure would be lost in a worker process."""
    error = RetriesExhaustedError("gave up", failures=(BadStatusError("no", status=503),))

    copy = pickle.loads(pickle.dumps(error))

    assert (str(copy.failures[0]), copy.failures[0].status) == ("no", 503)


@pytest.mark.parametrize("name", ["RetryError", "FileHashSumMissmatch", "UntrustedFileError", "InvalidParameterError"])
def test_names_of_the_seeds_are_in_the_tree(name: str) -> None:
    """An ``except`` clause written for inference-models would not catch ours."""
    assert KINDS[name].__mro__[1] is WeighbridgeError
