"""What a run ran on: versions of the code, of Python and of the packages that matter."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("gvsir", "django", "openai", "aiohttp", "numpy", "scipy")
_ROOT = Path(__file__).resolve().parent.parent


def describe_environment() -> dict[str, Any]:
    """Return the versions; the commit only where the code is a git checkout."""
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    found: dict[str, Any] = {"python": platform.python_version(), "packages": packages}
    commit = _git("rev-parse", "HEAD")
    if commit:
        found["commit"] = commit
        found["changed_files"] = bool(_git("status", "--porcelain", "--untracked-files=no"))
    return found


def _git(*arguments: str) -> str:
    command = shutil.which("git")
    if command is None or not (_ROOT / ".git").exists():
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [command, *arguments], cwd=_ROOT, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
