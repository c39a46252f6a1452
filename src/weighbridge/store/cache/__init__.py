"""The cache on disk that all versions of huggingface_hub share: its layout, and every change we make to it."""
