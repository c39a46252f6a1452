"""ETags as the names of blobs: which of them may be one, and how the header is read."""

from __future__ import annotations

import re

from weighbridge.core.digests import Digest

_SHA256_HEX = 64
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_=+-][A-Za-z0-9._=+-]{0,127}", re.ASCII)
_KEPT = (".lock", ".incomplete", ".wb-partial", ".wb-claim")


def is_digest_name(etag: str) -> bool:
    """Tell whether an etag is the git SHA-1 or the SHA-256 of its content, so that the blob's name proves it."""
    return _DIGEST.fullmatch(etag) is not None


def digest_of(etag: str) -> Digest | None:
    """Return the digest that an etag is; None if it is none."""
    if not is_digest_name(etag):
        return None
    return Digest("sha256" if len(etag) == _SHA256_HEX else "git-sha1", etag)


def is_blob_name(etag: str) -> bool:
    """Tell whether a file may be called that, beside all others in a repository's ``blobs``.

    A digest may.  So may what servers that are no Hub send, if it is short and of characters that are neither special
    to any file system nor part of a path, is no hidden file, and does not end like the locks and unfinished files that
    clients keep there: one that did would be resumed, or pruned, instead of read.
    """
    return _NAME.fullmatch(etag) is not None and not etag.lower().endswith(_KEPT)


def blob_name(header: str | None) -> str | None:
    """Return what a blob is called that came with this ``ETag``; None if it can't be the name of a file.

    Quotes and the mark of a weak validator are taken off as huggingface_hub 2.x does it, so that both find one blob.

    Args:
        header: As sent; None if it was not.
    """
    name = (header or "").strip().lstrip("W/").strip('"')
    return name if is_blob_name(name) else None
