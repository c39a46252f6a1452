"""Weighbridge gets model files onto machines: fast, resumable, and never wrong.

The stable names are those of ``__all__``; they are imported when first used, so that ``import weighbridge`` is quick.
"""

from importlib import import_module

from weighbridge.version import __version__

TYPE_CHECKING = False  # as type checkers read it; importing typing for it would take longer than all the rest here

if TYPE_CHECKING:
    from weighbridge.aio import AsyncClient
    from weighbridge.bundling.packing import Bundle
    from weighbridge.client import Client
    from weighbridge.compat.huggingface_hub import (
        cached_download,
        filename_to_url,
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        scan_cache_dir,
        snapshot_download,
        try_to_load_from_cache,
    )
    from weighbridge.compat.inference_models import download_files_to_directory
    from weighbridge.core.artifacts import Artifact, FileRequest, FileResult, Source
    from weighbridge.core.digests import Digest
    from weighbridge.core.errors import (
        BundleError,
        CacheInUseError,
        CacheLimitError,
        CancelledError,
        DamagedCacheError,
        EntryNotFoundError,
        FileHashSumMissmatch,
        GatedRepoError,
        HfHubHTTPError,
        IncompleteSnapshotError,
        IntegrityError,
        InvalidParameterError,
        LocalEntryNotFoundError,
        LockMismatchError,
        LockOutdatedError,
        OfflineError,
        ProjectError,
        RepositoryNotFoundError,
        RetryError,
        RevisionNotFoundError,
        StoreError,
        TransferError,
        UntrustedFileError,
        WeighbridgeError,
    )
    from weighbridge.core.events import (
        Checking,
        Event,
        FileFinished,
        FileProgress,
        FileStarted,
        FileWaiting,
        Notice,
        Observer,
        Planned,
        Retrying,
    )
    from weighbridge.core.findings import Finding, Repair, Thing, Trouble, Verification
    from weighbridge.core.locks import Locked, LockFile, Synced
    from weighbridge.core.options import (
        CacheOptions,
        HttpOptions,
        HubOptions,
        Options,
        RetryOptions,
        StoreOptions,
        TransferOptions,
    )
    from weighbridge.core.snapshots import Plan, PlannedFile, Revision, SnapshotResult
    from weighbridge.store.cache.room.inventory import Inventory

_HOMES = {
    "weighbridge.aio": ("AsyncClient",),
    "weighbridge.bundling.packing": ("Bundle",),
    "weighbridge.client": ("Client",),
    "weighbridge.compat.huggingface_hub": (
        "cached_download",
        "filename_to_url",
        "get_hf_file_metadata",
        "hf_hub_download",
        "hf_hub_url",
        "scan_cache_dir",
        "snapshot_download",
        "try_to_load_from_cache",
    ),
    "weighbridge.compat.inference_models": ("download_files_to_directory",),
    "weighbridge.core.artifacts": ("Artifact", "FileRequest", "FileResult", "Source"),
    "weighbridge.core.digests": ("Digest",),
    "weighbridge.core.errors": (
        "BundleError",
        "CacheInUseError",
        "CacheLimitError",
        "CancelledError",
        "DamagedCacheError",
        "EntryNotFoundError",
        "FileHashSumMissmatch",
        "GatedRepoError",
        "HfHubHTTPError",
        "IncompleteSnapshotError",
        "IntegrityError",
        "InvalidParameterError",
        "LocalEntryNotFoundError",
        "LockMismatchError",
        "LockOutdatedError",
        "OfflineError",
        "ProjectError",
        "RepositoryNotFoundError",
        "RetryError",
        "RevisionNotFoundError",
        "StoreError",
        "TransferError",
        "UntrustedFileError",
        "WeighbridgeError",
    ),
    "weighbridge.core.events": (
        "Checking",
        "Event",
        "FileFinished",
        "FileProgress",
        "FileStarted",
        "FileWaiting",
        "Notice",
        "Observer",
        "Planned",
        "Retrying",
    ),
    "weighbridge.core.findings": ("Finding", "Repair", "Thing", "Trouble", "Verification"),
    "weighbridge.core.locks": ("LockFile", "Locked", "Synced"),
    "weighbridge.core.options": (
        "CacheOptions",
        "HttpOptions",
        "HubOptions",
        "Options",
        "RetryOptions",
        "StoreOptions",
        "TransferOptions",
    ),
    "weighbridge.core.snapshots": ("Plan", "PlannedFile", "Revision", "SnapshotResult"),
    "weighbridge.store.cache.room.inventory": ("Inventory",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Artifact",
    "AsyncClient",
    "Bundle",
    "BundleError",
    "CacheInUseError",
    "CacheLimitError",
    "CacheOptions",
    "CancelledError",
    "Checking",
    "Client",
    "DamagedCacheError",
    "Digest",
    "EntryNotFoundError",
    "Event",
    "FileFinished",
    "FileHashSumMissmatch",
    "FileProgress",
    "FileRequest",
    "FileResult",
    "FileStarted",
    "FileWaiting",
    "Finding",
    "GatedRepoError",
    "HfHubHTTPError",
    "HttpOptions",
    "HubOptions",
    "IncompleteSnapshotError",
    "IntegrityError",
    "InvalidParameterError",
    "Inventory",
    "LocalEntryNotFoundError",
    "LockFile",
    "LockMismatchError",
    "LockOutdatedError",
    "Locked",
    "Notice",
    "Observer",
    "OfflineError",
    "Options",
    "Plan",
    "Planned",
    "PlannedFile",
    "ProjectError",
    "Repair",
    "RepositoryNotFoundError",
    "RetryError",
    "RetryOptions",
    "Retrying",
    "Revision",
    "RevisionNotFoundError",
    "SnapshotResult",
    "Source",
    "StoreError",
    "StoreOptions",
    "Synced",
    "Thing",
    "TransferError",
    "TransferOptions",
    "Trouble",
    "UntrustedFileError",
    "Verification",
    "WeighbridgeError",
    "__version__",
    "cached_download",
    "download_files_to_directory",
    "filename_to_url",
    "get_hf_file_metadata",
    "hf_hub_download",
    "hf_hub_url",
    "scan_cache_dir",
    "snapshot_download",
    "try_to_load_from_cache",
]


if not TYPE_CHECKING:  # for a type checker, a name that isn't imported above doesn't exist

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for (PEP 562)."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
