"""What is to be done about each kind of finding, and why nothing is done about others; pure."""

from __future__ import annotations

from enum import Enum

from weighbridge.core.errors import ConnectError, OfflineError, RetriesExhaustedError, WeighbridgeError
from weighbridge.core.findings import Finding, Thing, Trouble


class Cure(Enum):
    """What is to be done; in this order, so that whoever dies in between leaves more that is right than before."""

    FOLDER = "make the directory that is missing"
    CONTENT = "have the right bytes, and what leads to them"
    FETCH = "fetch the file"
    UNLINK = "remove the link"
    LISTING = "fetch the listing again, or remove it"
    MARKER = "remove the marker"
    REF = "write the ref anew, or remove it"
    TAG = "write the tag"


_CURES = {
    (Trouble.MISSING, Thing.REPO): Cure.FOLDER,
    (Trouble.DAMAGED, Thing.BLOB): Cure.CONTENT,
    (Trouble.DAMAGED, Thing.FILE): Cure.CONTENT,
    (Trouble.DANGLING, Thing.FILE): Cure.CONTENT,
    (Trouble.MISSING, Thing.FILE): Cure.FETCH,
    (Trouble.EXTRA, Thing.FILE): Cure.UNLINK,
    (Trouble.DAMAGED, Thing.LISTING): Cure.LISTING,
    (Trouble.DAMAGED, Thing.MARKER): Cure.MARKER,
    (Trouble.DAMAGED, Thing.REF): Cure.REF,
    (Trouble.DANGLING, Thing.REF): Cure.REF,
    (Trouble.MISSING, Thing.TAG): Cure.TAG,
}
_LINK = "it leads to what is not ours; remove the link, and run this again"
_OURS_TO_TELL = {
    Thing.FILE: _LINK,
    Thing.BLOB: _LINK,
    Thing.REPO: "run this as the user that it belongs to, or let this one look into it",
}
_PRUNED = frozenset({Thing.BLOB, Thing.LISTING, Thing.MARKER})


def is_hopeless(error: WeighbridgeError) -> bool:
    """Tell whether what stood in the way of one thing stands in that of all: each could take minutes to fail."""
    last = error.failures[-1] if isinstance(error, RetriesExhaustedError) and error.failures else error
    return isinstance(last, (OfflineError, ConnectError))


def cure_of(finding: Finding) -> Cure | None:
    """Return what is to be done about a finding; None if it is to be left as it is."""
    cure = _CURES.get((finding.trouble, finding.thing))
    return None if cure is Cure.FETCH and not finding.is_fault else cure


def reason_to_leave(finding: Finding) -> str:
    """Return why nothing is done about a finding."""
    match finding.trouble:
        case Trouble.UNFINISHED:
            return "the download that left it may go on from it; otherwise weighbridge cache prune removes it in time"
        case Trouble.EXTRA if finding.thing in _PRUNED:
            return "it harms nobody; weighbridge cache prune removes it"
        case Trouble.MISSING:
            return "nobody may have asked for it; --complete fetches it"
        case Trouble.FOREIGN if finding.thing in _OURS_TO_TELL:
            return _OURS_TO_TELL[finding.thing]
        case _:
            return "nobody but you can tell what it is for; look at it, and remove it"
