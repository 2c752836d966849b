"""Serve single browser assets straight from installed Python packages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage


class _MapStorage(FileSystemStorage):
    prefix = ""

    def __init__(self, files: dict[str, Path]) -> None:
        super().__init__()
        self.files = files

    def path(self, name: str) -> str:
        return str(self.files[name])


class PackageAssetFinder(BaseFinder):
    """Find the files named in ``settings.PACKAGE_ASSETS``, without importing their packages."""

    def __init__(self, app_names: Iterable[str] | None = None, *args: Any, **kwargs: Any) -> None:
        self.files: dict[str, Path] = {}
        for url, (package, relative) in settings.PACKAGE_ASSETS.items():
            spec = find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                raise ImproperlyConfigured(f"The package {package} is not installed.")
            path = Path(next(iter(spec.submodule_search_locations))) / relative
            if not path.is_file():
                raise ImproperlyConfigured(f"The package {package} no longer ships {relative}.")
            self.files[url] = path
        self.storage = _MapStorage(self.files)

    def check(self, **kwargs: Any) -> list[Any]:
        """Return no messages: a missing file already stops the start."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return the file behind a static URL, or nothing."""
        hit = self.files.get(path)
        if find_all:
            return [str(hit)] if hit else []
        return str(hit) if hit else None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        """Yield each asset for ``collectstatic``."""
        return ((url, self.storage) for url in self.files)
