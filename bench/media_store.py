"""Where this site keeps the files of items and responses."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from bench.files.store import MediaStore


def media_store() -> MediaStore:
    """Return the store below ``GVSIR_MEDIA_ROOT``; its files are served by guarded pages only."""
    return MediaStore(Path(settings.MEDIA_ROOT) / "bench")
