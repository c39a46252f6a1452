"""The walk from a list of files to a directory that holds them, each verified before it gets its name.

For each file: look whether it is there and right; else claim it, or wait for whoever did; open a partial with what
earlier runs left; hand it to the engine, which publishes it when its digest agrees; release the claim; note a receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.digests import ensure_available
from weighbridge.core.errors import InvalidNameError, OfflineError, UntrustedFileError
from weighbridge.core.events import FileFinished, Planned
from weighbridge.core.names import RelativeName, find_collision
from weighbridge.delivery import Delivery, Means, as_it_is
from weighbridge.errands import Missing
from weighbridge.store.inspection import are_right
from weighbridge.store.layout import Place
from weighbridge.store.present import check_parents, ignores_case, look, make_parents
from weighbridge.store.sight import Sight
from weighbridge.store.tidying import tidy


def check_requests(requests: Iterable[FileRequest], directory: Path, *, allow_unverified: bool) -> list[FileRequest]:
    """Refuse what can't be asked for, before anything is sent or written.

    Returns:
        The requests without exact repetitions, in order.

    Raises:
        UntrustedFileError: A file has no promised digest and ``allow_unverified`` is false.
        InvalidNameError: Two different requests mean the same file, or a file and a directory have one name.
        InvalidDigestError: A digest can't be computed here.
        UnsafePathError: A name leads through a symbolic link.
    """
    unique: dict[str, FileRequest] = {}
    for request in requests:
        known = unique.setdefault(request.name.text, request)
        if known.artifact != request.artifact:
            raise InvalidNameError(f"two different files are to be named {request.name}", name=request.name.text)
        if request.artifact.digest is not None:
            ensure_available(request.artifact.digest)
        check_parents(directory, request.name)
    clash = _find_clash([each.name for each in unique.values()], directory)
    if clash is not None:
        raise InvalidNameError(f"{clash[0]!r} and {clash[1]!r} can't both be in one directory", name=clash[1])
    unverified = [each.name.text for each in unique.values() if each.artifact.digest is None]
    if unverified and not allow_unverified:
        raise UntrustedFileError(
            f"no digest was promised for {', '.join(unverified)}; give one, or allow files without a digest",
            names=tuple(unverified),
        )
    return list(unique.values())


def _find_clash(names: Sequence[RelativeName], directory: Path) -> tuple[str, str] | None:
    """Return two names that can't both be in the directory; it is asked what it thinks of case only if that matters."""
    clash = find_collision(names, ignore_case=False)
    if clash is None and (same := find_collision(names, ignore_case=True)) is not None and ignores_case(directory):
        return same
    return clash


def _see(requests: Sequence[FileRequest], directory: Path) -> list[Missing]:
    """Return the requests as files that may be missing, with what is in their places now."""
    places = [Place(directory.joinpath(*each.name.parts)) for each in requests]
    return [Missing(request=each, place=at, sight=look(at.final)) for each, at in zip(requests, places, strict=True)]


class DirectoryWalk:
    """One call's way from requests to results; driven by one thread.

    Args:
        means: What it works with.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._options = means.options
        self._results: dict[str, FileResult] = {}

    def run(self, requests: Sequence[FileRequest], directory: Path) -> tuple[FileResult, ...]:
        """Have every file in ``directory``; see :meth:`weighbridge.client.Client.fetch`."""
        try:
            return self._have(requests, directory, self._look(requests, directory))
        finally:
            self._means.receipts.save()

    def run_anew(self, requests: Sequence[FileRequest], directory: Path) -> tuple[FileResult, ...]:
        """Fetch every file, whatever is there."""
        try:
            return self._have(requests, directory, _see(requests, directory))
        finally:
            self._means.receipts.save()

    def _have(
        self, requests: Sequence[FileRequest], directory: Path, missing: Sequence[Missing]
    ) -> tuple[FileResult, ...]:
        self._means.tell(Planned(files=len(requests), present=len(self._results)))
        for result in self._results.values():
            self._means.tell(FileFinished(result=result))
        if missing and self._options.offline:
            names = ", ".join(each.request.name.text for each in missing[:5])
            raise OfflineError(f"{len(missing)} files are not in {directory} and the network is switched off: {names}")
        if missing:
            self._fetch(missing, directory)
        return tuple(self._results[each.name.text] for each in requests)

    def _look(self, requests: Sequence[FileRequest], directory: Path) -> list[Missing]:
        """Note results for files that are there and right, tidying up around them; return the others."""
        found = _see(requests, directory)
        there = [each for each in found if each.sight != Sight()]
        verdicts = are_right(
            [(each.place.final, each.request.artifact.promise) for each in there],
            self._means.receipts,
            self._means.cancel,
        )
        present = [each for each, is_good in zip(there, verdicts, strict=True) if is_good]
        for each in present:
            self._note_present(each.request, each.place.final)
        tidy([each.place.final for each in present], self._options.store.claim_ttl_s)
        right = {each.place for each in present}
        return [each for each in found if each.place not in right]

    def _fetch(self, missing: Sequence[Missing], directory: Path) -> None:
        for each in {each.place.parent: each for each in missing}.values():
            make_parents(directory, each.request.name, durable=self._options.store.durable)
        for result in Delivery(self._means, as_it_is).run(missing):
            self._results[result.name] = result

    def _note_present(self, request: FileRequest, path: Path) -> None:
        self._results[request.name.text] = FileResult(
            name=request.name.text,
            path=path,
            size=look(path).size,
            digest=request.artifact.digest,
            outcome="present",
        )
