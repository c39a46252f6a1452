"""The errors of these calls, under the names that huggingface_hub gives them."""

from __future__ import annotations

from weighbridge.core.errors import (
    BadRequestError,
    CacheNotFound,
    CorruptedCacheException,
    DisabledRepoError,
    DryRunError,
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

__all__ = [
    "BadRequestError",
    "CacheNotFound",
    "CorruptedCacheException",
    "DisabledRepoError",
    "DryRunError",
    "EntryNotFoundError",
    "FileMetadataError",
    "GatedRepoError",
    "HFValidationError",
    "HfHubHTTPError",
    "IncompleteSnapshotError",
    "LocalEntryNotFoundError",
    "LocalTokenNotFoundError",
    "OfflineModeIsEnabled",
    "RemoteEntryNotFoundError",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
]
