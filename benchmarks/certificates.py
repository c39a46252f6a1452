"""Makes a certificate authority and a server certificate for loopback, with openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_DAYS = "30"
# Python 3.13 and later refuse an authority without these extensions.
_CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = weighbridge benchmark
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Three PEM files: what clients trust, what the server shows, and its key."""

    authority: Path
    server: Path
    key: Path


def make_certificates(folder: Path, openssl: str) -> Certificates:
    """Write a new authority and a certificate for 127.0.0.1, signed by it, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "openssl.cnf"
    config.write_text(_CONFIG)
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    authority_key, request = folder / "authority.key", folder / "server.csr"
    request_new = ("req", "-config", str(config), *_KEY)
    authority = ("-x509", "-days", _DAYS, "-extensions", "authority", "-out", str(made.authority))
    sign = ("-CA", str(made.authority), "-CAkey", str(authority_key), "-CAcreateserial")
    extensions = ("-extfile", str(config), "-extensions", "server")
    steps: tuple[tuple[str, ...], ...] = (
        (*request_new, *authority, "-keyout", str(authority_key)),
        (*request_new, "-keyout", str(made.key), "-out", str(request)),
        ("x509", "-req", "-in", str(request), "-days", _DAYS, *sign, *extensions, "-out", str(made.server)),
    )
    for arguments in steps:
        subprocess.run((openssl, *arguments), check=True, capture_output=True)
    return made
