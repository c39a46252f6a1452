"""Authorities to trust that can't be read: a typed error that names the file, before any connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.core.artifacts import Source
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.options import HttpOptions, RetryOptions
from weighbridge.http.pool import PoolTransport
from weighbridge.http.transport import Interrupt, Request


def make_missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def make_text(path: Path) -> None:
    path.write_text("not a certificate\n", encoding="utf-8")


@pytest.mark.parametrize("make", [make_missing, make_empty, make_text])
def test_bundle_that_can_not_be_read_is_named(tmp_path: Path, make: object) -> None:
    """``SSL_CERT_FILE`` often outlives the file it names; "internal error" would help nobody."""
    assert callable(make)
    bundle = tmp_path / "authorities.pem"
    make(bundle)
    transport = PoolTransport(HttpOptions(ca_bundle=bundle), RetryOptions(), 1)
    source = Source.parse("https://127.0.0.1:9/x")

    with pytest.raises(WeighbridgeError, match=r"authorities\.pem"):
        transport.open(Request(source=source, url=source.url), Interrupt())
