"""One call of huggingface_hub, as its documentation shows it; runs in an environment of its own."""

from __future__ import annotations

import sys

from huggingface_hub import hf_hub_download, snapshot_download

_INTERNAL = (TypeError, AttributeError, LookupError, AssertionError, NameError, RecursionError)


def main() -> int:
    """Have a file, or all of them; an error is one line, as the library words it."""
    repo, path, revision, *into = sys.argv[1:]
    where = {"local_dir": into[0]} if into else {}
    try:
        if path:
            print(hf_hub_download(repo, path, revision=revision, **where))
        else:
            print(snapshot_download(repo, revision=revision, **where))
    except Exception as error:  # noqa: BLE001 - all are told in the same way
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 70 if isinstance(error, _INTERNAL) else 1
    return 0


sys.exit(main())
